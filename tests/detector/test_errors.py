"""Every error that is the user's to mend is one sentence, in Chinese with English behind."""

import ast
from pathlib import Path

import pytest

import detector
from detector import errors

FOLDER = Path(detector.__file__).parent if detector.__file__ else Path(*detector.__path__)


@pytest.mark.parametrize("name", sorted(set(errors.__all__) - {"DetectorError"}))
def test_all_end_the_command_alike(name: str) -> None:
    kind = getattr(errors, name)
    assert issubclass(kind, errors.DetectorError)
    assert kind("x").exit_code == 2


def test_input_errors_are_caught_together() -> None:
    assert issubclass(errors.RecordingError, errors.InputError)
    assert issubclass(errors.TextFormatError, errors.InputError)


def _text(node: ast.expr) -> str:
    """Return a string literal with a stand-in for what is filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    return "…"


def _messages() -> list[tuple[str, str]]:
    found = []
    for path in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in errors.__all__
                and node.args
            ):
                found.append((f"{path.name}:{node.lineno}", _text(node.args[0])))
    return found


def test_messages_are_found() -> None:
    assert len(_messages()) > 30


@pytest.mark.parametrize(("place", "text"), _messages())
def test_message_is_one_sentence_for_the_user(place: str, text: str) -> None:
    assert text.endswith("。"), place
    assert "\n" not in text
    assert any("\u4e00" <= sign <= "\u9fff" for sign in text)

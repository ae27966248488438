"""Cohen's kappa between two readers."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from models import agreement
from models import calls as corpus

TEXTS = ("明天我就去你厂里贴条。", "先还三百也行。", "没见过你这种癞皮狗。")


def calls_with(*subtypes: list[str]) -> list[dict[str, Any]]:
    turns = [
        {"speaker": "collector", "text": text, "labels": [], "subtypes": list(found)}
        for text, found in zip(TEXTS, subtypes, strict=True)
    ]
    return [{"call_id": "k-1", "turns": turns}]


def write(path: Path, *rows: tuple[str, int, str, str, str]) -> Path:
    lines = ["\t".join(agreement.COLUMNS)]
    for call_id, turn, first, second, text in rows:
        lines.append(f"{call_id}\t{turn}\t{first}\t{second}\t{zlib.crc32(text.encode()):08x}")
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_kappa_is_cohens(pairs: list[tuple[bool, bool]]) -> None:
    table = np.array(
        [sum(pair == kind for pair in pairs)
         for kind in ((True, True), (True, False), (False, True), (False, False))]
    )  # fmt: skip
    found = float(agreement.kappa(table))
    if len(set(pairs)) == 1 and pairs[0][0] == pairs[0][1]:
        assert np.isnan(found)  # chance alone agrees on everything
    else:
        first, second = zip(*pairs, strict=True)
        assert found == pytest.approx(cohen_kappa_score(first, second))


def test_turns_are_read_with_both_sides_and_what_stands_now(tmp_path: Path) -> None:
    path = write(
        tmp_path / "second.tsv",
        ("k-1", 1, "exposure", "exposure,announced", TEXTS[0]),
        ("k-1", 2, "-", "-", TEXTS[1]),
    )
    calls = calls_with(["exposure", "announced"], [], ["name_calling"])
    first, other = agreement.read(path, calls)
    assert (first.first, first.second) == ({"exposure"}, {"exposure", "announced"})
    assert first.now == {"exposure", "announced"}
    assert other.first == other.second == other.now == frozenset()


def test_reworded_or_vanished_turns_no_longer_count(tmp_path: Path) -> None:
    path = write(
        tmp_path / "second.tsv",
        ("k-1", 1, "-", "-", "原来不是这一句。"),
        ("k-1", 3, "name_calling", "name_calling", TEXTS[2]),
        ("k-1", 9, "-", "-", TEXTS[1]),
        ("gone", 1, "-", "-", TEXTS[1]),
    )
    assert [t.turn for t in agreement.read(path, calls_with([], [], []))] == [3]


def test_differences_and_changes_are_counted(tmp_path: Path) -> None:
    path = write(
        tmp_path / "second.tsv",
        ("k-1", 1, "exposure", "exposure,announced", TEXTS[0]),  # differ in a label, changed
        ("k-1", 2, "-", "-", TEXTS[1]),
        ("k-1", 3, "name_calling,mockery", "name_calling", TEXTS[2]),  # a sub-type, kept
    )
    calls = calls_with(["exposure", "announced"], [], ["name_calling", "mockery"])
    found = agreement.measure(agreement.read(path, calls))
    assert (found["calls"], found["turns"]) == (1, 3)
    assert (found["differ"], found["differ_in_labels"]) == (2, 1)
    assert (found["subtypes_changed"], found["labels_changed"]) == (1, 1)
    assert found["labels"]["insult"]["kappa"] == 1.0
    assert found["labels"]["third_party_disclosure"]["second_only"] == 1
    assert found["subtypes"]["mockery"]["first_only"] == 1
    assert found["subtypes"]["curse"]["kappa"] is None
    assert "| **insult** | 1 | 0 | 0 | 1.00 (1.00–1.00) |" in agreement.render(found)
    assert "| curse | 0 | 0 | 0 | – |" in agreement.render(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("call_id\tturn\n", "the columns are not"),
        (
            "\t".join(agreement.COLUMNS)
            + f"\nk-1\t1\trude\t-\t{zlib.crc32(TEXTS[0].encode()):08x}\n",
            r"line 2: unknown sub-type \['rude'\]",
        ),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "second.tsv"
    path.write_text(text, "utf-8")
    with pytest.raises(SystemExit, match=said):
        agreement.read(path, calls_with([], [], []))


def test_nothing_read_twice_is_said() -> None:
    with pytest.raises(SystemExit, match="no turn was read twice"):
        agreement.measure([])


def test_the_second_reading_fits_the_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    turns = agreement.read()
    found = agreement.measure(turns)
    assert found["calls"] >= 80
    assert len({(t.call_id, t.turn) for t in turns}) == len(turns)
    # a turn on which both readers agree stands as both read it
    assert [t for t in turns if t.first == t.second != t.now] == []
    assert all(found["labels"][label]["kappa"] > 0.8 for label in corpus.LABELS)
    assert agreement.main(["--list"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n  second: ") == found["differ"]

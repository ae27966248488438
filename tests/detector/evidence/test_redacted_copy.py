"""The redacted copy of a case: complete in itself, and without what is to be masked."""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_cases import everything, noise, quiet, report_of

from detector.case import CaseFacts
from detector.errors import InputError
from detector.evidence.build import build_case, update_case
from detector.evidence.custody import read_log
from detector.evidence.export import Options
from detector.evidence.manifest import read_manifest
from detector.evidence.redacted_copy import write_redacted
from detector.evidence.sources import find_sources
from detector.evidence.verify import verify_case
from detector.report import ReportWord

Run = Callable[..., Any]
NUMBER, NAME = "13912345678", "钱小二"
SECRETS = (NUMBER, NAME, "一三九", "幺三九")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recording whose file name, words and facts hold a number and a name."""
    recording = noise(tmp_path / f"{NUMBER}_{NAME}.wav", 12.0)
    report = report_of(recording, 12.0, [(1.0, 4.0), (8.0, 11.0)])
    text = f"{NAME}你的电话{NUMBER}我会一直打"
    step = 3.0 / len(text)
    words = tuple(
        ReportWord(c, round(1.0 + n * step, 2), round(1.0 + (n + 1) * step, 2), 0.9)
        for n, c in enumerate(text)
    )
    first = replace(report.utterances[0], text=text, raw_text=text, words=words)
    flag = replace(report.flags[0], quote=text)
    report = replace(
        report,
        utterances=(first, report.utterances[1]),
        flags=(flag, report.flags[1]),
    )
    path = tmp_path / "报告.json"
    path.write_text(report.to_json(), "utf-8")
    return tmp_path


def build(folder: Path, **options: Any) -> Any:
    facts = CaseFacts({"parties": {"debtor": NAME, "lender": "测试银行"}, "called_number": NUMBER})
    chosen = Options("王律师", facts=facts, redact=True, **options)
    sources = find_sources([folder / "报告.json"])
    case = build_case(sources, folder / "案件", chosen, lambda *_: sources[0].report, quiet)  # type: ignore[arg-type,return-value]
    return case, chosen


def text_of(path: Path) -> str:
    """Return what can be read in a file, archives and what is in them included."""
    if zipfile.is_zipfile(path):
        found = ""
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                found += name + archive.read(name).decode("utf-8", "ignore")
        return found
    if path.suffix == ".pdf":
        import pypdfium2

        with pypdfium2.PdfDocument(path) as document:
            return "".join(page.get_textpage().get_text_bounded() for page in document)
    return path.read_bytes().decode("utf-8", "ignore")


def test_no_file_of_the_copy_tells_the_number_or_the_name(folder: Path) -> None:
    case, options = build(folder)
    copy = write_redacted(case, options, quiet)
    assert copy == folder / "案件-脱敏"
    for path in copy.rglob("*"):
        for secret in SECRETS:
            assert secret not in path.relative_to(copy).as_posix()
            assert path.is_dir() or secret not in text_of(path), (path.name, secret)
    assert any(NUMBER in text_of(p) for p in case.folder.rglob("*") if p.is_file())
    assert "人工检查后方可外发" in (copy / "说明.txt").read_text("utf-8-sig")
    assert not (copy / "original").exists() and not (copy / "reports").exists()


def test_the_copy_verifies_on_its_own_and_the_case_stays_as_it_was(folder: Path) -> None:
    case, options = build(folder)
    before = everything(case.folder)
    copy = write_redacted(case, options, quiet)
    assert verify_case(copy).intact and verify_case(case.folder).intact
    after = everything(case.folder)
    assert {n for n in after if after[n] != before.get(n)} == {"custody.jsonl", "custody.sig"}
    assert read_log(case.folder)[-1]["action"] == "redacted_export"
    masked = {c["flag"]: c["file"] for c in read_manifest(copy)["clips"]}
    assert "已遮盖" in masked["F1"] and (copy / "clips" / masked["F1"]).exists()
    with pytest.raises(InputError, match="脱敏副本"):
        update_case(copy, options, quiet)


def test_the_command_makes_it_again_but_never_over_something_else(
    folder: Path, detector: Run
) -> None:
    build(folder)
    words = ("evidence", folder / "案件", "--redact", "--mask", NAME, "--zip", "--quiet")
    for _ in range(2):
        done = detector(*words)
        assert done.code == 0 and "人工检查后方可外发" in done.out, done.err
    assert (folder / "案件-脱敏.zip").exists()
    assert detector("verify", folder / "案件-脱敏").code == 0
    assert detector("case", "delete", folder / "案件", "--yes").code == 0
    left = {p.name for p in folder.iterdir()}
    assert left == {"报告.json", f"{NUMBER}_{NAME}.wav"}

    build(folder)
    (folder / "案件-脱敏").mkdir()
    (folder / "案件-脱敏" / "a.jpg").write_bytes(b"x")
    done = detector(*words)
    assert done.code == 2 and "不是脱敏副本" in done.err
    assert [p.name for p in (folder / "案件-脱敏").iterdir()] == ["a.jpg"]

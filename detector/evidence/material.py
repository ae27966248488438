"""What is reviewed: the reports of a case folder, or one report, each with its sound."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from detector.audio import open_recording
from detector.errors import DetectorError, InputError, OptionError
from detector.evidence.decisions import Reviewed, read_decisions, review
from detector.evidence.player import Piece
from detector.listening import LISTENING
from detector.report import Report, read_report

__all__ = ["Material", "find_target", "open_material"]

BESIDE_S = 4.0
"""Played before and after a passage that is cut from the recording itself."""


@dataclass(frozen=True)
class Material:
    """One report to review. `case` is its case folder, `number` its recording's number there."""

    number: int
    path: Path
    report: Report
    case: Path | None = None
    several: bool = False

    def reviewed(self) -> Reviewed:
        """Return the report with the decisions that stand on the disk now.

        Raises:
            InputError: the decisions cannot be read.
        """
        return review(self.report, read_decisions(self.path))

    def name(self, target: str) -> str:
        """Return how a flag, utterance or speaker is written: F3, or 2-F3 among several."""
        return f"{self.number}-{target}" if self.several else target

    @cached_property
    def recording(self) -> Path | None:
        """The recording, if it is where it should be and is the one the report is about."""
        facts = self.report.recording
        folder = self.path.parent if self.case is None else self.case / "original"
        try:  # by content, as the name may have been changed to one that all systems allow
            files = [f for f in sorted(folder.iterdir()) if f.stat().st_size == facts.bytes]
        except OSError:
            return None
        if self.case is None:
            from detector.batch.finished import recording_of

            found = recording_of(self.path, facts.sha256, facts.bytes)
            files += [found] if found else []
        for file in files:
            try:
                if open_recording(file).sha256 == facts.sha256:
                    return file
            except DetectorError:
                continue
        return None

    def clip(self, flag_id: str) -> Path | None:
        """Return the listening copy of a flag's clip."""
        if self.case is None:
            return None
        found = sorted((self.case / "clips").glob(f"{self.number}-{flag_id}_*{LISTENING}"))
        return found[0] if found else None

    def piece(self, start_s: float, end_s: float, flag_id: str | None = None) -> Piece | None:
        """Return what to play for a passage (of a flag where one is named)."""
        clip = self.clip(flag_id) if flag_id else None
        if clip is not None:
            return Piece(clip)
        if self.recording is None:
            return None
        return Piece(self.recording, max(0.0, start_s - BESIDE_S), end_s + BESIDE_S)


def open_material(path: Path) -> tuple[Material, ...]:
    """Open a case folder or a report for review.

    Raises:
        InputError: it is neither, or a report in it cannot be read.
    """
    if path.is_dir():
        reports = {
            int(file.stem): file
            for file in (path / "reports").glob("*.json")
            if re.fullmatch("[1-9][0-9]{0,5}", file.stem)
        }
        if not reports:
            raise InputError(
                f"{path} 不是案件文件夹(里面没有 reports/1.json);请先用 detector evidence 录音 "
                "-o 文件夹 生成,或直接给出 detector scan 生成的 报告.json (not a case folder)。"
            )
        several = len(reports) > 1
        return tuple(
            Material(number, file, read_report(file), path, several)
            for number, file in sorted(reports.items())
        )
    if path.suffix.lower() != ".json" and path.is_file():
        raise InputError(
            f"{path.name} 不是报告;请先运行 detector scan {path.name} -o 报告.json "
            "(not a report; scan the recording first)。"
        )
    folder = path.absolute().parent
    case = folder.parent if folder.name == "reports" and path.stem.isdecimal() else None
    if case is not None and not (case / "original").is_dir():
        case = None
    return (Material(int(path.stem) if case else 1, path, read_report(path), case),)


def find_target(materials: Sequence[Material], written: str) -> tuple[Material, str]:
    """Return which report and which flag, utterance or speaker `F3` or `2-F3` means.

    Raises:
        OptionError: it is not written so, or the recording's number is missing or unknown.
    """
    plain = unicodedata.normalize("NFKC", written).strip().upper()
    parts = re.fullmatch("(?:([0-9]+)-)?([A-Z][0-9]*)", plain)
    if parts is None:
        raise OptionError(
            f"看不懂 {written!r}:标记写成 F3,话语写成 U5,说话人写成 A,几个录音时前加录音号如 2-F3 "
            "(write F3, U5, A, or 2-F3)。"
        )
    number, target = parts.groups()
    if number is None:
        if len(materials) > 1:
            raise OptionError(
                f"这里有 {len(materials)} 个录音,请写明是哪一个,如 1-{target} "
                "(say which recording)。"
            )
        return materials[0], target
    for material in materials:
        if material.number == int(number):
            return material, target
    raise OptionError(f"没有第 {number} 个录音 (no such recording)。")

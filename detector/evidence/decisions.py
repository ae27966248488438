"""What people decided on a report: one append-only file of JSON Lines beside it.

The file of `报告.json` is `报告.decisions.jsonl`. The report itself is never changed; `review`
lays the decisions over it, the later over the earlier. Shared by the command line, the page and
folders of recordings.
"""

import datetime as dt
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from detector.case import SHANGHAI
from detector.errors import InputError, OptionError
from detector.evidence.journal import TORN, append_line, locked
from detector.labels import ROLE_NAMES, SUBTYPES, severity
from detector.report import Flag, Report, Utterance

__all__ = [
    "ACTIONS",
    "Decision",
    "Reviewed",
    "ReviewedFlag",
    "ReviewedUtterance",
    "append_decision",
    "decide",
    "decisions_path",
    "make_decision",
    "read_decisions",
    "review",
]

ACTIONS = ("confirm", "reject", "reopen", "correct", "speaker", "role", "add")
"""confirm, reject, reopen: a flag. correct: an utterance's text. speaker: who says an utterance.
role: a speaker's role. add: a flag that a person found."""
_STATUS = {"confirm": "confirmed", "reject": "rejected", "reopen": "unreviewed"}


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision: when (ISO 8601 with offset), by whom, what, on what, and its details.

    `value` holds `text` (correct), `speaker` (speaker), `role` (role), or for `add` the fields
    `category`, `subtype`, `utterance_ids` and, where only a part is meant, `start_s`, `end_s`.
    """

    at: str
    by: str
    action: str
    target: str
    value: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReviewedFlag:
    """A flag with the last decision on it. `quote` is as corrected, `flag.quote` as heard."""

    flag: Flag
    quote: str
    decision: Decision | None

    @property
    def confirmed(self) -> bool:
        return self.flag.status == "confirmed"

    @property
    def corrected(self) -> bool:
        return self.quote != self.flag.quote


@dataclass(frozen=True, slots=True)
class ReviewedUtterance:
    """An utterance, speaker and role as decided; `text` corrected, `utterance.text` as heard."""

    utterance: Utterance
    text: str
    corrected_by: str | None = None

    @property
    def corrected(self) -> bool:
        return self.text != self.utterance.text


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A report with the decisions on it."""

    report: Report
    flags: tuple[ReviewedFlag, ...]
    utterances: tuple[ReviewedUtterance, ...]
    roles: Mapping[str, str]
    decisions: tuple[Decision, ...]

    @property
    def reviewers(self) -> tuple[str, ...]:
        """Everybody who decided something, in order of appearance."""
        return tuple(dict.fromkeys(decision.by for decision in self.decisions))


def decisions_path(report: Path) -> Path:
    """Return where the decisions on a report file stand."""
    return report.with_name(report.stem + ".decisions.jsonl")


def make_decision(
    report: Report,
    action: str,
    target: str,
    value: Mapping[str, Any] | None = None,
    *,
    by: str,
    note: str = "",
    at: dt.datetime | None = None,
    known: Sequence[Decision] = (),
) -> Decision:
    """Return a decision that was checked against its report and the decisions `known` so far.

    Raises:
        OptionError: no such flag, utterance or speaker, an unknown action, or details missing.
    """
    value = dict(value or {})
    if not (by := _line(by)):
        raise OptionError("请给出复核人姓名 (--by NAME)。")
    utterances = {u.id for u in report.utterances}
    flags = {f.id for f in report.flags} | {d.target for d in known if d.action == "add"}
    speakers = {s.id for s in report.speakers}
    speakers |= {str(d.value["speaker"]) for d in known if d.action == "speaker"}
    if action not in ACTIONS:
        raise OptionError(f"没有 {action} 这种决定;可用:{'、'.join(ACTIONS)} (unknown action)。")
    known_targets = {"correct": utterances, "speaker": utterances, "role": speakers}
    if action != "add" and target not in known_targets.get(action, flags):
        raise OptionError(f"报告里没有 {target} (no such flag, utterance or speaker)。")
    if action == "correct":
        value["text"] = _corrected(value)
    if action == "speaker" and not re.fullmatch("[A-Z]", str(value.get("speaker"))):
        raise OptionError("说话人请写成一个大写字母,如 A、B、C (a speaker is a letter A to Z)。")
    if action == "role" and value.get("role") not in ROLE_NAMES:
        raise OptionError(f"role 应为:{'、'.join(ROLE_NAMES)} (unknown role)。")
    if action == "add":
        target = _check_added(value, utterances, flags)
    now = at or dt.datetime.now(SHANGHAI)
    return Decision(now.isoformat(timespec="seconds"), by, action, target, value, _line(note))


def _line(text: str) -> str:
    """Return text on one line, without the control characters that terminals obey."""
    spaced = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    whole = "".join(c for c in spaced if unicodedata.category(c) != "Cs")  # no lone surrogates
    return " ".join(whole.split())


def _corrected(value: Mapping[str, Any]) -> str:
    text = value.get("text")
    if not isinstance(text, str) or not (text := _line(text)):
        raise OptionError(
            "改正文字时要给出文字;听不清请写 〔听不清〕 (the corrected text is missing)。"
        )
    return text


def _check_added(value: dict[str, Any], utterances: set[str], flags: set[str]) -> str:
    category = value.get("category")
    if category not in SUBTYPES:
        raise OptionError(f"category 应为:{'、'.join(SUBTYPES)} (unknown category)。")
    if value.get("subtype") not in SUBTYPES[category]:
        raise OptionError(f"subtype 应为:{'、'.join(SUBTYPES[category])} (unknown sub-type)。")
    wanted = list(value.get("utterance_ids") or ())
    if not wanted or not {*wanted} <= utterances:
        raise OptionError("请给出报告里有的 utterance_ids (which utterances?)。")
    number = 1
    while f"H{number}" in flags:
        number += 1
    return f"H{number}"


def append_decision(report: Path, decision: Decision) -> None:
    """Append a decision and make sure that it is on the disk.

    Raises:
        OutputError: it cannot be written; nothing that was there is lost.
    """
    with locked(decisions_path(report)) as file:
        append_line(file, _line_of(decision), _whole)


def decide(
    path: Path,
    report: Report,
    action: str,
    target: str,
    value: Mapping[str, Any] | None = None,
    *,
    by: str,
    note: str = "",
) -> Decision:
    """Check a decision on the report file `path` and append it, as one step.

    Two people who each add a flag at the same moment get different numbers.

    Raises:
        OptionError: as `make_decision`.
        InputError: the decisions so far cannot be read.
        OutputError: it cannot be written.
    """
    known = read_decisions(path)
    made = make_decision(report, action, target, value, by=by, note=note, known=known)
    with locked(decisions_path(path)) as file:
        file.seek(0)
        now = _read(file.read(), decisions_path(path).name)
        if len(now) != len(known):  # somebody else decided meanwhile
            made = make_decision(report, action, target, value, by=by, note=note, known=now)
        append_line(file, _line_of(made), _whole)
    return made


def _line_of(decision: Decision) -> bytes:
    return json.dumps(asdict(decision), ensure_ascii=False).encode("utf-8")


def _whole(line: bytes) -> bool:
    return _parsed(line) is not None


def read_decisions(report: Path) -> tuple[Decision, ...]:
    """Return the decisions on a report file, none where nobody decided.

    A last line that was cut off by a crash is left out.

    Raises:
        InputError: the file cannot be read or a line is no decision (named by number).
    """
    path = decisions_path(report)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise InputError(f"无法读取 {path}:{error.strerror} (cannot read)。") from None
    return _read(data, path.name)


def _read(data: bytes, name: str) -> tuple[Decision, ...]:
    lines = data.split(b"\n")
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.endswith(TORN):
            continue
        decision = _parsed(line)
        if decision is None:
            if number == len(lines):
                break
            raise InputError(f"{name} 第 {number} 行无法读取 (not a decision)。")
        found.append(decision)
    return tuple(found)


def _parsed(line: bytes) -> Decision | None:
    """Return the decision that a line holds; None if it is none that `review` can apply."""
    try:
        decision = Decision(**json.loads(line))
        _line_of(decision)  # fails on what could not be written to any file again
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (decision.at, decision.by, decision.action, decision.target, decision.note)
    value = decision.value
    if not all(isinstance(text, str) for text in texts) or not isinstance(value, dict):
        return None
    needed = {"correct": "text", "speaker": "speaker", "role": "role"}.get(decision.action)
    if decision.action not in ACTIONS or (needed and not isinstance(value.get(needed), str)):
        return None
    if decision.action == "role" and value["role"] not in ROLE_NAMES:
        return None
    if decision.action == "add":
        names = value.get("utterance_ids")
        times = (value.get("start_s", 0.0), value.get("end_s", 0.0))
        if (
            value.get("subtype") not in SUBTYPES.get(str(value.get("category")), {})
            or not isinstance(names, list)
            or not all(isinstance(time, int | float) for time in times)
        ):
            return None
    return decision


def review(report: Report, decisions: Sequence[Decision]) -> Reviewed:
    """Lay decisions over a report. Decisions on what the report does not have are ignored."""
    texts: dict[str, tuple[str, str]] = {}
    voices: dict[str, str] = {}
    roles = {speaker.id: speaker.role for speaker in report.speakers}
    last: dict[str, Decision] = {}
    added: list[Flag] = []
    plain = {u.id: u for u in report.utterances}
    for decision in decisions:
        value, target = decision.value, decision.target
        if decision.action == "correct":
            texts[target] = (str(value["text"]), decision.by)
        elif decision.action == "speaker":
            voices[target] = str(value["speaker"])
        elif decision.action == "role":
            roles[target] = str(value["role"])
        else:
            last[target] = decision
            if decision.action == "add" and (flag := _added(decision, plain)):
                added.append(flag)
    utterances = []
    for original in report.utterances:
        speaker = voices.get(original.id, original.speaker)
        role = roles.get(speaker, "unknown")
        text, by = texts.get(original.id, (original.text, None))
        changed = replace(original, speaker=speaker, role=role)
        utterances.append(ReviewedUtterance(changed, text, by))
    by_id = {u.utterance.id: u for u in utterances}
    flags = []
    for flag in sorted((*report.flags, *added), key=lambda f: (f.start_s, f.id)):
        mine = [by_id[name] for name in flag.utterance_ids if name in by_id]
        made = last.get(flag.id)
        status = "unreviewed" if made is None else _STATUS.get(made.action, "confirmed")
        quote = flag.quote
        if any(u.corrected for u in mine):
            quote = "".join(u.text for u in mine)
        who = mine[0].utterance if mine else flag
        decided = replace(flag, status=status, speaker=who.speaker, role=who.role)
        flags.append(ReviewedFlag(decided, quote, made))
    return Reviewed(report, tuple(flags), tuple(utterances), roles, tuple(decisions))


def _added(decision: Decision, utterances: Mapping[str, Utterance]) -> Flag | None:
    value = decision.value
    mine = [utterances[name] for name in value["utterance_ids"] if name in utterances]
    if not mine:
        return None
    mine.sort(key=lambda utterance: utterance.start_s)
    return Flag(
        id=decision.target,
        category=value["category"],
        subtype=value["subtype"],
        start_s=float(value.get("start_s", mine[0].start_s)),
        end_s=float(value.get("end_s", mine[-1].end_s)),
        quote="".join(u.text for u in mine),
        utterance_ids=tuple(u.id for u in mine),
        speaker=mine[0].speaker,
        role=mine[0].role,
        score=1.0,
        decision="flagged",
        status="confirmed",
        origin="human",
        severity=severity(value["category"], value["subtype"]),
        why=(),
        note=decision.note or None,
    )

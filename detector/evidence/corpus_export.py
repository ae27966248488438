"""Reviewed calls as training data: the format of `models/corpus`, for `models.train --extra`.

A turn is an utterance, or the utterances of one flag together. Confirmed flags label it; what
was rejected, and what nobody flagged, stands there unlabelled.
"""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from detector.case import MAY_BE_TOLD
from detector.errors import OptionError
from detector.evidence.decisions import Reviewed, ReviewedUtterance
from detector.evidence.material import Material
from detector.labels import CATEGORY_NAMES, ROLE_NAMES
from detector.output import write_file
from detector.text import is_traditional

__all__ = ["export_calls", "reviewed_call"]

_LISTENERS = {"neighbour": "neighbor", "relative": "other"}
"""Where the case facts and the corpus name one listener differently."""
_ABUSIVE_FROM = 5


def export_calls(materials: Sequence[Material], target: Path, partial: bool = False) -> list[str]:
    """Write the calls that can be exported; return what to tell the user, line by line.

    Raises:
        OptionError: the target cannot be, or no call can be exported.
        OutputError: it cannot be written.
    """
    _check_target(materials, target)
    calls, notes = [], []
    for material in materials:
        reviewed = material.reviewed()
        fault = _fault(material, reviewed, partial)
        if fault:
            notes.append(f"录音 {material.number} 没有导出:{fault}")
            continue
        calls.append(reviewed_call(reviewed))
        listener = material.report.listener
        if listener.get("source") == "inferred":
            heard = "第三方" if listener["role"] == "third_party" else "借款人"
            notes.append(f"录音 {material.number} 的接听人由机器推断为{heard},请核对。")
    if not calls:
        reasons = ";".join(note.rstrip("。") for note in notes[:5])
        raise OptionError(f"没有能导出的通话:{reasons} (nothing to export)。")
    lines = [json.dumps(call, ensure_ascii=False) + "\n" for call in calls]
    write_file(target, "".join(lines).encode("utf-8"))
    turns = [turn for call in calls for turn in call["turns"]]
    labelled = sum(bool(turn["labels"]) for turn in turns)
    return [
        f"已导出 {len(calls)} 个通话,{len(turns)} 句,其中有标签 {labelled} 句:{target}",
        *notes,
        "没有标记的句子一律按“没有问题”导出;机器漏掉的请先用 --add 补上再导出。",
        "文字里可能有姓名、单位、号码,程序不作处理;能否用于训练由您决定,请先自行删改。",
        f"使用:python -m models.train --extra {target}",
    ]


def _check_target(materials: Sequence[Material], target: Path) -> None:
    if target.suffix.lower() != ".jsonl":
        raise OptionError(f"--export {target.name} 的后缀应为 .jsonl (the suffix must be .jsonl)。")
    if not target.absolute().parent.is_dir():
        raise OptionError(f"文件夹 {target.parent} 不存在 (no such folder)。")
    for material in materials:
        if material.case and target.resolve().is_relative_to(material.case.resolve()):
            raise OptionError("训练数据请写到案件文件夹之外 (write it outside the case folder)。")
    if target.is_dir() or (target.exists() and b'"call_id"' not in target.read_bytes()[:200]):
        raise OptionError(f"{target} 已存在,且不是导出的通话,不覆盖 (exists, is no such export)。")


def _fault(material: Material, reviewed: Reviewed, partial: bool) -> str | None:
    """Return why a call cannot be training data."""
    name = material.name
    left = [f.flag.id for f in reviewed.flags if f.flag.status == "unreviewed"]
    if left and not partial:
        return (
            f"还有 {len(left)} 条标记未复核({'、'.join(map(name, left[:5]))});复核完再导出,"
            "或加 --partial。"
        )
    unknown = sorted({u.utterance.speaker for u in reviewed.utterances if _role(u) == "unknown"})
    if unknown:
        return f"说话人 {'、'.join(unknown)} 身份不明,请先用 --role {name(unknown[0])} 身份 指定。"
    for flag in reviewed.flags:
        if flag.confirmed and flag.flag.role != "collector":
            return (
                f"{name(flag.flag.id)}(疑似{CATEGORY_NAMES[flag.flag.category][0]})已确认,但说话人"
                f"是{ROLE_NAMES[flag.flag.role][0]};标签只给催收方的话,请改说话人、身份,或否定它。"
            )
    if not any(u.text.strip() for u in reviewed.utterances):
        return "没有文字。"
    return None


def _role(item: ReviewedUtterance) -> str:
    return item.utterance.role


def reviewed_call(reviewed: Reviewed) -> dict[str, Any]:
    """Return a reviewed report in the format of the corpus, undecided passages left out."""
    turns = _turns(reviewed)
    text = "".join(turn["text"] for turn in turns)
    labelled = sum(bool(turn["labels"]) for turn in turns)
    listener = reviewed.report.listener["role"]
    answered = reviewed.report.case.get("answered_by")
    if answered is None or (listener == "third_party") == (answered in MAY_BE_TOLD):
        answered = "debtor" if listener == "debtor" else "other"
    return {
        "call_id": f"reviewed-{reviewed.report.recording.sha256[:12]}",
        "kind": "third_party_call" if listener == "third_party" else "debtor_call",
        "lang": "zh-Hant" if is_traditional(text) else "zh-Hans",
        "severity": ("abusive" if labelled >= _ABUSIVE_FROM else "mixed" if labelled else "lawful"),
        "listener": _LISTENERS.get(answered, answered),
        "profile": "reviewed",
        "writer": "reviewed",
        "turns": turns,
    }


def _turns(reviewed: Reviewed) -> list[dict[str, Any]]:
    place = {u.utterance.id: n for n, u in enumerate(reviewed.utterances)}
    joined = set()  # places of utterances that belong to one turn with the one before
    undecided = set()
    labels: dict[int, list[tuple[str, str]]] = {}
    for item in reviewed.flags:
        mine = sorted(place[name] for name in item.flag.utterance_ids if name in place)
        if item.flag.status == "unreviewed":
            undecided.update(mine)
        for before, now in pairwise(mine):
            same = reviewed.utterances[before].utterance, reviewed.utterances[now].utterance
            if now == before + 1 and same[0].speaker == same[1].speaker:
                joined.add(now)
        if item.confirmed:
            for n in mine:
                if _role(reviewed.utterances[n]) != "collector":
                    continue
                labels.setdefault(n, []).append((item.flag.category, item.flag.subtype))
    by_role: dict[str, set[str]] = {}
    for u in reviewed.utterances:
        by_role.setdefault(_role(u), set()).add(u.utterance.speaker)
    turns: list[dict[str, Any]] = []
    group: list[int] = []
    for n in range(len(reviewed.utterances) + 1):
        if group and n not in joined:
            items = [reviewed.utterances[i] for i in group]
            text = "".join(item.text for item in items).strip()
            if text and not undecided.intersection(group):
                pairs = [pair for i in group for pair in labels.get(i, [])]
                turns.append(_turn(items[0], text, pairs, by_role))
            group = []
        group.append(n)
    return turns


def _turn(
    first: ReviewedUtterance,
    text: str,
    pairs: Sequence[tuple[str, str]],
    by_role: dict[str, set[str]],
) -> dict[str, Any]:
    role = _role(first)
    turn: dict[str, Any] = {"speaker": role, "text": text}
    if len(by_role[role]) > 1:
        turn["speaker_id"] = first.utterance.speaker
    turn["labels"] = [label for label in CATEGORY_NAMES if any(c == label for c, _ in pairs)]
    turn["subtypes"] = list(dict.fromkeys(subtype for _, subtype in pairs))
    return turn

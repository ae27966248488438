"""A case without the numbers and names that must not leave the house.

Every sign is replaced by one ×, so that positions within quotes stay true. What is masked is
found by rules in recognised speech, which errs: the copy must be read by a person first.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from detector.case import ANSWERED_BY
from detector.evidence.decisions import Reviewed, ReviewedFlag, ReviewedUtterance
from detector.evidence.digits import plain
from detector.evidence.model import Case, CaseItem
from detector.evidence.recognisers import find
from detector.report import Flag, Observation, Report, Span, Utterance

__all__ = ["MARK", "NOTICE", "Masker", "all_names", "redacted", "spoken"]

NOTICE = "人工检查后方可外发"
"""Stands on everything made from a redacted case."""
MARK = "\u00d7"
_PAUSE_S = 8.0
"""A number may be read in pieces, with the other side's 嗯 in between."""
_ANCHOR = 3
_COMPANIES = ("lender", "agency")
_NOBODY = {*ANSWERED_BY, "债务人", "借款人", "催收员", "当事人", "本人录音", "未知", "不详", "无"}
_PLAIN = {
    "id", "sha256", "listening_sha256", "category", "subtype", "utterance_ids", "speaker",
    "decision", "status", "origin", "severity", "kind", "container", "codec", "layout",
    "schema_version", "disclaimer", "at", "action", "target", "started_at", "settings", "method",
    "why",
}  # fmt: skip
"""Fields that the program itself fills, or that are masked by their position."""


def all_names(case: Case, names: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names that the user lists, and those of persons in the facts of the case."""
    stated = [str(case.facts.get("recorded_by", ""))]
    parties = case.facts.get("parties", {})
    if isinstance(parties, Mapping):
        stated += [str(name) for role, name in parties.items() if role not in _COMPANIES]
    persons = [part for text in stated for part in re.findall("[^\\W\\d_]{2,}", text)]
    every = [name.strip() for name in (*names, *persons)]
    return tuple(dict.fromkeys(name for name in every if name and name not in _NOBODY))


class Masker:
    """Masks texts, with the same names everywhere."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)

    def places(self, text: str) -> set[int]:
        """Return the positions in a text that are to be masked."""
        return {p for found in find(text, self.names) for p in range(found.start, found.end)}

    def text(self, text: str) -> str:
        """Return a text with every sign to be masked replaced."""
        return masked(text, self.places(text))

    def any(self, value: Any) -> Any:
        """Return any data with all texts in it masked."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.any(part) for key, part in value.items()}
        if isinstance(value, tuple | list):
            return type(value)(self.any(part) for part in value)
        if is_dataclass(value) and not isinstance(value, type):
            names = (f.name for f in fields(value) if f.name not in _PLAIN)
            return replace(value, **{name: self.any(getattr(value, name)) for name in names})
        return value

    def chain(self, pieces: Sequence[str]) -> list[set[int]]:
        """Return what is to be masked in each of some texts, also what spans several."""
        found = [self.places(piece) for piece in pieces]
        joined = ",".join(pieces)
        across = self.places(joined) if len(pieces) > 1 else set()
        at = 0
        for piece, places in zip(pieces, found, strict=True):
            places.update(p - at for p in across if at <= p < at + len(piece))
            at += len(piece) + 1
        return found


def masked(text: str, places: Iterable[int]) -> str:
    """Return a text with the signs at these places replaced; hyphens and the like stay."""
    signs = list(text)
    for place in places:
        if signs[place].isalnum() or signs[place] == "\u25cb":  # a circle for 零
            signs[place] = MARK
    return "".join(signs)


def _turns(utterances: Sequence[Utterance]) -> list[list[int]]:
    """Return the indices of utterances that one person speaks without a long pause."""
    turns: list[list[int]] = []
    open_: dict[str, list[int]] = {}
    for index, utterance in enumerate(utterances):
        turn = open_.get(utterance.speaker)
        if turn is None or utterance.start_s - utterances[turn[-1]].end_s > _PAUSE_S:
            turn = []
            turns.append(turn)
            open_[utterance.speaker] = turn
        turn.append(index)
    return turns


def _in_turns(
    masker: Masker, utterances: Sequence[Utterance], texts: Sequence[str]
) -> list[set[int]]:
    """Return what is to be masked in the text of each utterance."""
    places: list[set[int]] = [set() for _ in utterances]
    for turn in _turns(utterances):
        found = masker.chain([texts[index] for index in turn])
        for index, mine in zip(turn, found, strict=True):
            places[index] = mine
    return places


def _said(utterance: Utterance) -> str:
    return "".join(word.text for word in utterance.words)


def _utterances(masker: Masker, utterances: Sequence[Utterance]) -> tuple[Utterance, ...]:
    views = [
        _in_turns(masker, utterances, [read(u) for u in utterances])
        for read in (lambda u: u.text, lambda u: u.raw_text, _said)
    ]
    made = []
    for utterance, text, raw, said in zip(utterances, *views, strict=True):
        words, at = [], 0
        for word in utterance.words:
            mine = [p - at for p in said if at <= p < at + len(word.text)]
            words.append(replace(word, text=masked(word.text, mine)))
            at += len(word.text)
        made.append(
            replace(
                utterance,
                text=masked(utterance.text, text),
                raw_text=masked(utterance.raw_text, raw),
                words=tuple(words),
            )
        )
    return tuple(made)


def _quote(masker: Masker, quote: str, before: Sequence[str], after: Sequence[str]) -> set[int]:
    """Return what to mask in a quote from texts of which `after` is the masked form."""
    places = masker.places(quote)
    whole, made = "".join(before), "".join(after)
    at = whole.find(quote)
    while at >= 0 and quote:
        places |= {p for p in range(len(quote)) if made[at + p] != quote[p]}
        at = whole.find(quote, at + 1)
    return places


def _spans(why: Sequence[Span], places: set[int], masker: Masker) -> tuple[Span, ...]:
    made = []
    for span in why:
        mine = {p - span.start for p in places if span.start <= p < span.end}
        mine |= masker.places(span.text)
        text = masked(span.text, {p for p in mine if p < len(span.text)})
        made.append(replace(span, text=text, reading=None if mine else span.reading))
    return tuple(made)


def _report(masker: Masker, report: Report) -> Report:
    utterances = _utterances(masker, report.utterances)
    texts = {u.id: (u.text, new.text) for u, new in zip(report.utterances, utterances, strict=True)}

    def quoted(part: Flag | Observation) -> set[int]:
        mine = [texts[name] for name in part.utterance_ids if name in texts]
        return _quote(masker, part.quote, [old for old, _ in mine], [new for _, new in mine])

    def flag(old: Flag) -> Flag:
        places = quoted(old)
        new: Flag = masker.any(old)
        return replace(new, quote=masked(old.quote, places), why=_spans(old.why, places, masker))

    observations = tuple(
        replace(masker.any(o), quote=masked(o.quote, quoted(o))) for o in report.observations
    )
    flags = tuple(flag(f) for f in report.flags)
    rest = replace(report, utterances=(), flags=(), observations=(), case={})
    done: Report = masker.any(rest)
    return replace(
        done,
        utterances=utterances,
        flags=flags,
        observations=observations,
        case=_facts(masker, report.case),
    )


def _reviewed(masker: Masker, reviewed: Reviewed) -> Reviewed:
    old = reviewed.utterances
    spoken_by = [u.utterance for u in old]
    heard = _utterances(masker, spoken_by)
    right = _in_turns(masker, spoken_by, [u.text for u in old])
    utterances = tuple(
        ReviewedUtterance(
            new, masked(u.text, places), u.corrected_by and masker.text(u.corrected_by)
        )
        for u, new, places in zip(old, heard, right, strict=True)
    )
    by_id = {u.utterance.id: (u, new) for u, new in zip(old, utterances, strict=True)}

    def flag(one: ReviewedFlag) -> ReviewedFlag:
        mine = [by_id[name] for name in one.flag.utterance_ids if name in by_id]
        before, after = [u.text for u, _ in mine], [new.text for _, new in mine]
        quote = masked(one.quote, _quote(masker, one.quote, before, after))
        before, after = (
            [u.utterance.text for u, _ in mine],
            [new.utterance.text for _, new in mine],
        )
        places = _quote(masker, one.flag.quote, before, after)
        machine = replace(
            masker.any(one.flag),
            quote=masked(one.flag.quote, places),
            why=_spans(one.flag.why, places, masker),
        )
        return ReviewedFlag(machine, quote, masker.any(one.decision))

    return replace(
        reviewed,
        report=_report(masker, reviewed.report),
        flags=tuple(flag(f) for f in reviewed.flags),
        utterances=utterances,
        decisions=tuple(masker.any(decision) for decision in reviewed.decisions),
    )


def _facts(masker: Masker, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts masked, but for the names of the companies."""
    made: dict[str, Any] = masker.any(facts)
    parties = facts.get("parties")
    if isinstance(parties, Mapping):
        kept = {role: name for role, name in parties.items() if role in _COMPANIES}
        made["parties"] = {**made["parties"], **kept}
    return made


def redacted(case: Case, names: Sequence[str] = ()) -> Case:
    """Return a case whose documents show no numbers of persons and no listed names.

    Masked: everything said, as heard and as corrected; quotes, notes and decisions; the names
    of recordings (the originals themselves are no part of a redacted copy); the facts, but for
    the companies. The clips are those of the case: `redact_audio` makes copies of them.
    """
    masker = Masker(all_names(case, names))
    items = tuple(
        replace(
            item,
            original=item.original.with_name(_file_name(masker, item.original)),
            reviewed=_reviewed(masker, item.reviewed),
        )
        for item in case.items
    )
    return replace(case, items=items, facts=_facts(masker, case.facts), redacted=True)


def _file_name(masker: Masker, path: Path) -> str:
    return masker.text(path.stem) + path.suffix


def spoken(item: CaseItem, names: Sequence[str]) -> list[tuple[float, float]]:
    """Return when something to be masked is said, in seconds of the recording, in order.

    `names` are those of `all_names`. Times are as the recogniser gives them for words.
    """
    masker = Masker(names)
    old = item.reviewed.utterances
    utterances = [u.utterance for u in old]
    found: list[tuple[float, float]] = []
    for texts in (
        [u.text for u in utterances],
        [u.raw_text for u in utterances],
        [_said(u) for u in utterances],
        [u.text for u in old],
    ):
        for utterance, text, places in zip(
            utterances, texts, _in_turns(masker, utterances, texts), strict=True
        ):
            for start, end in _stretches(places):
                found.append(_when(utterance, text, start, end))
    for dropped in item.reviewed.report.dropped:
        if masker.places(dropped.text):
            found.append((dropped.start_s, dropped.end_s))
    merged: list[tuple[float, float]] = []
    for start_s, end_s in sorted(found):
        if merged and start_s <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end_s))
        else:
            merged.append((start_s, end_s))
    return merged


def _stretches(places: set[int]) -> list[tuple[int, int]]:
    stretches: list[tuple[int, int]] = []
    for place in sorted(places):
        if stretches and stretches[-1][1] == place:
            stretches[-1] = (stretches[-1][0], place + 1)
        else:
            stretches.append((place, place + 1))
    return stretches


def _when(utterance: Utterance, text: str, start: int, end: int) -> tuple[float, float]:
    """Return when a part of an utterance's text is said.

    Where the words as heard have that part too, it is their time; else what lies between
    three signs before and after that they share, or all of the utterance.
    """
    said = plain(_said(utterance))
    owner = [word for word in utterance.words for _ in word.text]
    theirs = [place for place, sign in enumerate(said) if sign.isalnum()]
    simple = plain(text)
    ours = [place for place, sign in enumerate(simple) if sign.isalnum()]
    matcher = SequenceMatcher(
        None, [simple[place] for place in ours], [said[place] for place in theirs], autojunk=False
    )
    inside = [n for n, place in enumerate(ours) if start <= place < end]
    begins, ends = utterance.start_s, utterance.end_s
    for here, there, size in matcher.get_matching_blocks():
        if not size or not inside:
            continue
        if here <= inside[0] and inside[-1] < here + size:
            begins = owner[theirs[there + inside[0] - here]].start_s
            ends = owner[theirs[there + inside[-1] - here]].end_s
            break
        if size >= _ANCHOR and here + size <= inside[0]:
            begins = owner[theirs[there + size - 1]].end_s
        elif size >= _ANCHOR and here > inside[-1]:
            ends = owner[theirs[there]].start_s
            break
    return (begins, ends) if begins < ends else (utterance.start_s, utterance.end_s)

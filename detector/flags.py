"""Utterances with scores become flags: passages that a person should listen to."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from detector.classify import LABELS, Classifier, TurnScores
from detector.explain import why
from detector.features import CallTurn
from detector.labels import severity
from detector.report import Flag, Utterance

__all__ = ["Context", "find_flags"]

JOIN_S = 2.0
_NOTE_ROLE = "说话人身份不确定,请先听录音确认是否催收方在说话"
_NOTE_LISTENER = "接听人是否借款人本人不确定;如接听的是第三方,则疑似泄露债务"
_NOTE_BAND = "分数低于标记线,请听录音判断"


@dataclass(frozen=True, slots=True)
class Context:
    """What is known beside the words: how likely a third party listens."""

    third: float
    readings: tuple[tuple[str, ...], ...] = ()
    """What a second look heard: for each further reading a text an utterance."""

    def other(self, scores: TurnScores, index: int, label: str) -> str:
        """Return the further reading of an utterance that tells more than the first, if any."""
        number = scores.telling.get(label, 0)
        return self.readings[number - 1][index] if number and self.readings else ""


def find_flags(
    utterances: Sequence[Utterance],
    scored: Sequence[TurnScores],
    classifier: Classifier,
    context: Context,
) -> tuple[Flag, ...]:
    """Return the flags in order of time.

    Neighbouring utterances of one speaker with the same category become one flag. Where the
    speaker's role is uncertain, the decision is review.
    """
    turns = [CallTurn(u.text, None if u.role == "unknown" else u.role) for u in utterances]
    groups: list[tuple[str, list[int]]] = []
    for label in LABELS:
        group: list[int] = []
        for index in range(len(utterances) + 1):
            hit = index < len(utterances) and label in (
                *scored[index].flagged,
                *scored[index].review,
            )
            if group and not (hit and _joins(utterances, scored, group[-1], index, label)):
                groups.append((label, group))
                group = []
            if hit:
                group.append(index)

    def flag(of: tuple[str, list[int]]) -> Flag:
        return _flag(*of, utterances, turns, scored, classifier, context)

    with ThreadPoolExecutor(classifier.workers) as pool:
        found = list(pool.map(flag, groups))
    found.sort(key=lambda flag: (flag.start_s, LABELS.index(flag.category)))
    return tuple(replace(flag, id=f"F{n}") for n, flag in enumerate(found, 1))


def _joins(
    utterances: Sequence[Utterance],
    scored: Sequence[TurnScores],
    last: int,
    index: int,
    label: str,
) -> bool:
    before, now = utterances[last], utterances[index]
    return (
        index == last + 1
        and before.speaker == now.speaker
        and now.start_s - before.end_s <= JOIN_S
        and (label in scored[last].flagged) == (label in scored[index].flagged)
    )


def _bare(text: str) -> str:
    """Return the words of a text without punctuation."""
    return "".join(filter(str.isalnum, text))


def _flag(
    label: str,
    group: Sequence[int],
    utterances: Sequence[Utterance],
    turns: Sequence[CallTurn],
    scored: Sequence[TurnScores],
    classifier: Classifier,
    context: Context,
) -> Flag:
    best = max(group, key=lambda i: scored[i].scores[label])
    first, last = utterances[group[0]], utterances[group[-1]]
    flagged = any(label in scored[i].flagged for i in group)
    note = None
    if first.role == "unknown":
        flagged, note = False, _NOTE_ROLE
    elif label == "third_party_disclosure" and any(scored[i].doubtful_listener for i in group):
        flagged, note = False, _NOTE_LISTENER
    elif not flagged:
        note = _NOTE_BAND
    other = context.other(scored[best], best, label)
    if other and _bare(other) != _bare(utterances[best].text):
        heard = f"重听时也可听作“{other}”,请听录音核对"
        note = f"{note};{heard}" if note else heard
    quote, spans = "", []
    for i in group:
        offset = len(quote)
        for span in why(classifier, turns, i, label, context.third, label in scored[i].flagged):
            spans.append(replace(span, start=span.start + offset, end=span.end + offset))
        quote += utterances[i].text
    names = scored[best].subtypes[label]
    # urging self-harm comes first even where another sub-type is likelier: a help line is shown
    subtype = "self_harm" if "self_harm" in names else names[0]
    return Flag(
        id="",
        category=label,
        subtype=subtype,
        start_s=first.start_s,
        end_s=last.end_s,
        quote=quote,
        utterance_ids=tuple(utterances[i].id for i in group),
        speaker=first.speaker,
        role=first.role,
        score=max(scored[i].scores[label] for i in group),
        decision="flagged" if flagged else "review",
        status="unreviewed",
        origin="machine",
        severity=severity(label, subtype),
        why=tuple(spans),
        note=note,
    )

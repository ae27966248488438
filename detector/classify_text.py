"""Scoring text: the same classifier, for messages, transcripts and call scripts."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from detector.classify import LABELS, Classifier, TurnScores, call_classifier
from detector.explain import why
from detector.features import CallTurn, PreparedTurn, prepare
from detector.labels import CATEGORY_NAMES, ROLE_NAMES, SUBTYPE_NAMES
from detector.messages import TextCall
from detector.printable import printable
from detector.render_text import clock
from detector.report import DISCLAIMER
from detector.roles import assign_roles, third_party_probability

__all__ = ["CallResult", "classify_calls", "render_calls"]


@dataclass(frozen=True, slots=True)
class CallResult:
    """One conversation, scored; roles are those used (given or inferred, None if unknown)."""

    call: TextCall
    roles: tuple[str | None, ...]
    scored: tuple[TurnScores, ...]
    third: float
    thresholds: Mapping[str, float]

    def to_json(self) -> str:
        """Return one line of JSON, turns in the order of the input."""
        turns = [
            {
                "labels": list(s.flagged),
                "review": list(s.review),
                "subtypes": [name for label in s.flagged for name in s.subtypes[label]],
                "scores": s.scores,
            }
            for s in self.scored
        ]
        return json.dumps({"call_id": self.call.call_id, "turns": turns}, ensure_ascii=False)


def _roles(
    classifier: Classifier, call: TextCall, prepared: list[PreparedTurn], third: float
) -> tuple[str | None, ...]:
    """Return each turn's role: as given, by named speaker, or by the turn's own words."""
    given = [turn.role for turn in call.turns]
    if all(given):
        return tuple(given)
    roles = _unsigned(classifier, call, prepared, third)
    signed = [i for i, turn in enumerate(call.turns) if turn.speaker]
    names = [call.turns[i].speaker or "" for i in signed]
    known = {
        turn.speaker: turn.role for turn in call.turns if turn.speaker and turn.role is not None
    }
    guesses = assign_roles(
        classifier.model, classifier.settings, [prepared[i] for i in signed], names, known, third
    )
    found = {name: guess.role for name, guess in guesses.items()}
    open_names = set(names) - set(known)
    if call.written and len(open_names) == 1 and "collector" not in found.values():
        found[open_names.pop()] = "collector"  # who else writes to a debtor
    for i, name in zip(signed, names, strict=True):
        roles[i] = None if found[name] == "unknown" else found[name]
    return tuple(own or role for own, role in zip(given, roles, strict=True))


def _unsigned(
    classifier: Classifier, call: TextCall, prepared: list[PreparedTurn], third: float
) -> list[str | None]:
    """Return the roles of turns that name no speaker.

    Bare messages are what somebody received; bare transcripts have several voices.
    """
    if call.written:
        return ["collector"] * len(prepared)
    z = classifier.model.call_logits(prepared, "U")
    gap = z[:, classifier.model.column["role:collector"]]
    other = "third_party" if third >= 0.5 else "debtor"
    return ["collector" if g > 0.5 else other if g < -1.5 else None for g in gap]


def classify_calls(
    calls: Iterable[TextCall],
    listener: str = "auto",
    thresholds: Mapping[str, float] | None = None,
    published: Classifier | None = None,
) -> Iterator[CallResult]:
    """Score conversations one by one.

    Args:
        listener: "debtor", "third-party", or "auto" (from the file, else from the words).
        thresholds: categories whose threshold the user changed.
        published: another classifier than the published one (`models.evaluate`).
    """
    published = published or call_classifier()
    settings = published.settings.with_thresholds(thresholds or {})
    classifier = replace(published, settings=settings)
    for call in calls:
        prepared = prepare([CallTurn(turn.text) for turn in call.turns])
        stated = listener.replace("-", "_") if listener != "auto" else call.listener
        if stated:
            third = 1.0 if stated == "third_party" else 0.0
        elif call.written:
            third = 0.0
        else:
            third = third_party_probability(classifier.model, settings, prepared)
        roles = _roles(classifier, call, prepared, third)
        turns = [CallTurn(t.text, role) for t, role in zip(call.turns, roles, strict=True)]
        scored = [
            s if role is not None else TurnScores(
                s.scores, s.subtypes, (), tuple(sorted({*s.flagged, *s.review}, key=LABELS.index)),
                s.doubtful_listener,
            )
            for s, role in zip(classifier.classify(turns, third), roles, strict=True)
        ]  # fmt: skip
        yield CallResult(call, roles, tuple(scored), third, settings.thresholds)


def render_calls(result: CallResult, colour: bool = False) -> str:
    """Return what `detector classify` prints for one conversation."""
    before, after = ("\x1b[1;31m", "\x1b[0m") if colour else ("【", "】")
    lines = [f"{printable(result.call.call_id)}:{len(result.call.turns)} 句"]
    published = call_classifier()
    settings = published.settings.with_thresholds(result.thresholds)
    classifier = replace(published, settings=settings)
    turns = [
        CallTurn(t.text, role) for t, role in zip(result.call.turns, result.roles, strict=True)
    ]
    for index, scored in enumerate(result.scored):
        for label in LABELS:
            if label not in (*scored.flagged, *scored.review):
                continue
            turn = result.call.turns[index]
            at = f"{clock(turn.start_s)}  " if turn.start_s is not None else ""
            chinese, english = CATEGORY_NAMES[label]
            sub = SUBTYPE_NAMES[scored.subtypes[label][0]]
            who = ROLE_NAMES[result.roles[index] or "unknown"][0]
            decision = "标记" if label in scored.flagged else "待复核"
            lines.append(
                f"第 {index + 1} 句  {at}疑似{chinese} ({english}) · {sub[0]} ({sub[1]})  {who}  "
                f"分数 {scored.scores[label]:.2f}  {decision}"
            )
            text, marked, last = printable(turn.text), "", 0
            for span in why(classifier, turns, index, label, result.third, label in scored.flagged):
                marked += text[last : span.start] + before + text[span.start : span.end] + after
                last = span.end
            lines.append(f"    “{marked}{text[last:]}”")
    if len(lines) == 1:
        lines.append("没有发现疑似威胁、侮辱或向第三方泄露的内容。机器可能漏看,请自行核对。")
    lines.append(DISCLAIMER)
    return "\n".join(lines)

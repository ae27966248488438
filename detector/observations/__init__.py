"""Observations: what else in the collector's words a reader should know of.

They stand beside the three categories and never change a score. One recogniser a file; each
finds passages in normalised text. Nothing is asserted: a note says what a passage may be and
which fact would settle it.
"""

import re
from collections.abc import Iterator, Sequence

from detector.observations.deception import Deception
from detector.observations.harassment_refused_contact import HarassmentRefusedContact
from detector.observations.illegal_fee_or_private_account import IllegalFeeOrPrivateAccount
from detector.observations.impersonation import Impersonation
from detector.observations.induce_borrowing import InduceBorrowing
from detector.observations.info_probing import InfoProbing
from detector.observations.no_identification import NoIdentification
from detector.observations.recogniser import Hit, Recogniser
from detector.report import Observation, Utterance
from detector.text import aligned, normalise

__all__ = ["RECOGNISERS", "Hit", "find_in_text", "find_observations"]

RECOGNISERS: tuple[Recogniser, ...] = (
    Impersonation(),
    Deception(),
    InduceBorrowing(),
    IllegalFeeOrPrivateAccount(),
    NoIdentification(),
    InfoProbing(),
    HarassmentRefusedContact(),
)
JOIN_S = 2.0
_SPEAKS = ("collector", "unknown", None)
_NOTE_ROLE = ";说话人身份不确定,请先听录音确认是否催收方在说话"
# a police officer, courier or agent who never speaks of a debt is not collecting one
_NEEDS_DEBT = {"impersonation", "deception", "induce_borrowing", "illegal_fee_or_private_account"}
_DEBT = re.compile("欠|逾期|还款|还钱|借|贷|账|分期|本金|结清|债|催收|工资|涉嫌|诈骗|[拘捕铐]")


def find_in_text(text: str, role: str | None = "collector") -> list[tuple[str, Hit]]:
    """Return kinds and hits in one turn, by positions in the text as given.

    Only what a collector, or somebody unknown, says is looked at.
    """
    if role not in _SPEAKS:
        return []
    scored, places = aligned(text)
    unsure = "" if role == "collector" else _NOTE_ROLE
    return [
        (
            recogniser.KIND,
            Hit(places[hit.start][0], places[hit.end - 1][1], hit.note + unsure),
        )
        for recogniser in RECOGNISERS
        for hit in recogniser.find(scored)
    ]


def _passages(utterances: Sequence[Utterance]) -> Iterator[list[Utterance]]:
    """Yield what may be a collector's: runs of one speaker, with hardly a pause between."""
    run: list[Utterance] = []
    for utterance in utterances:
        if run and (
            utterance.speaker != run[-1].speaker or utterance.start_s - run[-1].end_s > JOIN_S
        ):
            yield run
            run = []
        if utterance.role in _SPEAKS:
            run.append(utterance)
    if run:
        yield run


def _in_passage(run: Sequence[Utterance]) -> Iterator[Observation]:
    """Yield what is found in a passage, one observation a kind and group of utterances."""
    text, starts = "", []
    for utterance in run:
        text += "," if text else ""
        starts.append(len(text))
        text += normalise(utterance.text)
    unsure = "" if run[0].role == "collector" else _NOTE_ROLE
    for recogniser in RECOGNISERS:
        last = -1
        for hit in recogniser.find(text):
            first = max(i for i, start in enumerate(starts) if start <= hit.start)
            if first <= last:
                continue
            last = max(i for i, start in enumerate(starts) if start < hit.end)
            touched = run[first : last + 1]
            yield Observation(
                id="",
                kind=recogniser.KIND,
                start_s=touched[0].start_s,
                end_s=touched[-1].end_s,
                quote="".join(u.text for u in touched),
                utterance_ids=tuple(u.id for u in touched),
                note=hit.note + unsure,
            )


def find_observations(utterances: Sequence[Utterance]) -> tuple[Observation, ...]:
    """Return what is found in the collector's utterances, in order of time."""
    spoken = [u for u in utterances if u.role in _SPEAKS]
    debt = any(_DEBT.search(normalise(u.text)) for u in spoken)
    found = [
        observation
        for run in _passages(utterances)
        for observation in _in_passage(run)
        if debt or observation.kind not in _NEEDS_DEBT
    ]
    kinds = [recogniser.KIND for recogniser in RECOGNISERS]
    found.sort(key=lambda o: (o.start_s, kinds.index(o.kind)))
    return tuple(
        Observation(f"O{n}", o.kind, o.start_s, o.end_s, o.quote, o.utterance_ids, o.note)
        for n, o in enumerate(found, 1)
    )

"""Do the shown spans explain the flag? They should be short, and without them it should fall."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from detector.classify import Classifier
from detector.explain import why
from detector.features import CallTurn
from models.vectorise import listener_of

__all__ = ["Explained", "explained"]


@dataclass(frozen=True, slots=True)
class Explained:
    """Of how many flags: the mean share of the turn that is shown, and how many fall without."""

    flags: int
    share: float
    longest: float
    fall: float


def explained(
    calls: Sequence[dict[str, Any]], parts: Sequence[tuple[list[int], Classifier]], each: int = 1
) -> Explained:
    """Take the shown spans out of every Nth flagged turn and score it again.

    Speakers and listener as the corpus says; a listener that it does not know counts as debtor.
    """
    shares: list[float] = []
    fallen = seen = 0
    for places, classifier in parts:
        for place in places:
            call = calls[place]
            third = float(listener_of(call) == "T")
            turns = [CallTurn(t["text"], t["speaker"]) for t in call["turns"]]
            for index, scored in enumerate(classifier.classify(turns, third)):
                for label in scored.flagged:
                    seen += 1
                    if seen % each:
                        continue
                    spans = why(classifier, turns, index, label, third, flagged=True)
                    text, rest, at = turns[index].text, "", 0
                    for span in spans:
                        rest, at = rest + text[at : span.start], span.end
                    rest += text[at:]
                    shares.append(1 - len(rest) / len(text))
                    bare = [*turns[:index], CallTurn(rest, turns[index].role), *turns[index + 1 :]]
                    score = classifier.classify(bare, third)[index].scores[label]
                    fallen += score < classifier.settings.thresholds[label]
    count = len(shares)
    if not count:
        return Explained(0, 0.0, 0.0, 0.0)
    return Explained(count, sum(shares) / count, max(shares), fallen / count)

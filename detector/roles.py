"""Who is the collector, and is the debtor or somebody else on the line: from the words.

Each utterance gives evidence for a role (a head of the word model); a speaker's utterances are
averaged, and the gap between speakers becomes a confidence. Options of the user override.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detector.classify import Settings
from detector.features import PreparedTurn
from detector.words_model import WordsModel

__all__ = ["RoleGuess", "assign_roles", "third_party_probability"]

SURE = 0.75
_MIN_CHARACTERS = 6


@dataclass(frozen=True, slots=True)
class RoleGuess:
    """A speaker's role, how sure (0 to 1), and whether inferred or set by the user."""

    role: str
    confidence: float
    source: str


def _weights(turns: Sequence[PreparedTurn]) -> np.ndarray:
    """Longer utterances say more about who speaks; square root, at most forty characters."""
    return np.sqrt(np.array([min(max(len(turn.text), 1), 40) for turn in turns], np.float64))


def third_party_probability(
    model: WordsModel, settings: Settings, turns: Sequence[PreparedTurn]
) -> float:
    """Return how likely it is that somebody other than the debtor listens."""
    if not turns:
        return 0.5
    column = model.column["listener:third_party"]
    z = model.call_logits(turns, "U")[:, column]
    a, b = settings.listener
    return float(1 / (1 + np.exp(-(a * float(z.mean()) + b))))


def assign_roles(
    model: WordsModel,
    settings: Settings,
    turns: Sequence[PreparedTurn],
    speakers: Sequence[str],
    fixed: Mapping[str, str],
    third: float,
) -> dict[str, RoleGuess]:
    """Return each speaker's role.

    Args:
        turns: the utterances of the call, in order.
        speakers: who says each.
        fixed: roles set by the user, by speaker.
        third: probability that a third party is on the line.
    """
    names = list(dict.fromkeys(speakers))
    other = "third_party" if third >= 0.5 else "debtor"
    guesses = {name: RoleGuess(role, 1.0, "user") for name, role in fixed.items()}
    if any(role == "collector" for role in fixed.values()):
        for name in names:
            guesses.setdefault(name, RoleGuess(other, round(max(third, 1 - third), 3), "inferred"))
        return {name: guesses[name] for name in names}
    if not turns:
        return {}
    z = model.call_logits(turns, "U")
    evidence = z[:, model.column["role:collector"]].astype(np.float64)
    weights = _weights(turns)
    mean: dict[str, float] = {}
    characters: dict[str, int] = {}
    for name in names:
        mine = np.array([s == name for s in speakers])
        mean[name] = float(np.average(evidence[mine], weights=weights[mine]))
        characters[name] = sum(
            len(turn.text) for turn, s in zip(turns, speakers, strict=True) if s == name
        )
    free = [name for name in names if name not in guesses]
    if len(free) == 1 and len(names) == 1:
        return {free[0]: RoleGuess("unknown", 0.5, "inferred")}
    ranked = sorted(free, key=lambda name: -mean[name])
    if not ranked:
        return guesses
    first = ranked[0]
    heard = [name for name in ranked[1:] if characters[name] >= _MIN_CHARACTERS]
    # beside somebody who hardly says a word, the first one's own words must be plain
    gap = mean[first] - max((mean[name] for name in heard), default=0.0)
    confidence = float(1 / (1 + np.exp(-settings.role_scale * gap)))
    sure = confidence >= SURE
    for name in free:
        if not sure:
            guesses[name] = RoleGuess("unknown", round(1 - confidence, 3), "inferred")
        elif name == first or (len(names) > 2 and _also_collector(mean, name, first, ranked)):
            guesses[name] = RoleGuess("collector", round(confidence, 3), "inferred")
        else:
            guesses[name] = RoleGuess(other, round(confidence, 3), "inferred")
    return {name: guesses[name] for name in names}


def _also_collector(
    mean: Mapping[str, float], name: str, first: str, ranked: Sequence[str]
) -> bool:
    """With three or more voices, one nearer to the collector than to the last is one too."""
    last = mean[ranked[-1]]
    return mean[name] > 0 or mean[name] - last > 2 * (mean[first] - mean[name])

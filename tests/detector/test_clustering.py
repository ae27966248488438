"""Voice vectors are told apart as people would: two in a call, one or more on strong grounds."""

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.clustering import cluster

SIZE = 64


def voices(
    turns: list[int], spread: float, likeness: float = 0.0, seed: int = 0
) -> NDArray[np.float32]:
    """Return a unit vector for each turn; voices have the cosine `likeness` to each other."""
    generator = np.random.default_rng(seed)
    basis = np.eye(SIZE)[: max(turns) + 2]
    means = np.sqrt(likeness) * basis[-1] + np.sqrt(1 - likeness) * basis[:-1]
    made = means[turns] + spread * generator.standard_normal((len(turns), SIZE)) / np.sqrt(SIZE)
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def labels(turns: list[int], seconds: float = 2.0, spread: float = 0.5, **more: float) -> list[int]:
    found, centroids = cluster(voices(turns, spread, **more), np.full(len(turns), seconds))
    assert centroids.shape == (len(set(found.tolist())), SIZE)
    assert np.linalg.norm(centroids, axis=1) == pytest.approx(1.0, abs=1e-4)
    return found.tolist()


@pytest.mark.parametrize(
    "turns",
    [
        [0, 1] * 10,
        [1, 0] * 10,
        [0] * 18 + [1, 1],
        [1] + [0] * 12 + [1],
        [0, 1, 2] * 6,
        [0, 1, 2, 3] * 5,
    ],
)
def test_voices_are_numbered_by_when_they_first_speak(turns: list[int]) -> None:
    order = {voice: number for number, voice in enumerate(dict.fromkeys(turns))}
    assert labels(turns) == [order[voice] for voice in turns]


@pytest.mark.parametrize("count", [1, 2, 5, 30])
def test_one_voice_stays_one(count: int) -> None:
    assert labels([0] * count, spread=0.15) == [0] * count


def test_two_alike_voices_are_still_two() -> None:
    assert labels([0, 1] * 10, spread=0.3, likeness=0.6) == [0, 1] * 10


def test_a_third_voice_heard_for_a_moment_is_not_a_speaker() -> None:
    assert len(set(labels([0, 1] * 8 + [2], seconds=1.0))) == 2
    assert len(set(labels([0, 1] * 8 + [2] * 8, seconds=1.0))) == 3


def test_at_most_four() -> None:
    assert len(set(labels([0, 1, 2, 3, 4, 5] * 4))) <= 4


def test_same_answer_every_time() -> None:
    vectors = voices([0, 1, 1, 0, 2, 2, 0, 1], 0.9)
    weights = np.linspace(0.5, 3, len(vectors))
    first = cluster(vectors, weights)
    again = cluster(vectors, weights)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])


def test_long_pieces_weigh_more() -> None:
    vectors = voices([0, 0, 1, 1], 0.2)
    weights = np.array([9.0, 1.0, 9.0, 1.0])
    found, centroids = cluster(vectors, weights)
    assert found.tolist() == [0, 0, 1, 1]
    assert centroids[0] @ vectors[0] > centroids[0] @ vectors[1]

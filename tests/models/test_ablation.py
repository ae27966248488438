"""What each part of the classifier is worth."""

import numpy as np
import pytest

from models import ablation, train
from models.calls import LABELS


def turns(rng: np.random.Generator, each: int = 60) -> ablation.Turns:
    made = ablation.Turns([])
    made.writer = np.repeat(train.HELD_OUT, each)
    made.true = rng.random((len(made.writer), len(LABELS))) < 0.2
    return made


def test_a_model_that_knows_is_told_from_one_that_guesses() -> None:
    rng = np.random.default_rng(0)
    made = turns(rng)
    noise = rng.normal(size=made.true.shape)
    assert ablation.measure([8.0 * made.true - 4 + 0.1 * noise, noise], made) == [100.0] * 4
    guessed = ablation.measure([noise], made)
    assert max(guessed) < 60
    some = ablation.measure([2.0 * made.true + noise], made)
    assert guessed[3] < some[3] < 100


@pytest.mark.slow
def test_the_whole_is_worth_more_than_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    # with an eighth of the corpus chance decides between models that are nearly as good
    assert ablation.main(["--part", "4"]) == 0
    lines = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    precision = {name: float(cells[-2]) for name, *cells in lines}
    assert len(precision) == 4 + 2 * len(ablation.FAMILIES)
    both = precision["both models"]
    assert both > precision["call encoder alone"] - 1
    assert both > precision["word model alone"] + 5

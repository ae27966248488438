"""Training the word model: the same model for the same calls, in time, with a user's own calls."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from detector.classify import settings_of
from detector.words_model import ARTIFACT
from models import calls as corpus
from models import train

NAMES = ("violence", "family")


def test_sub_types_are_weighed_by_the_logit_that_tells_them() -> None:
    rng = np.random.default_rng(1)
    has = rng.random((400, 2)) < 0.3
    tells, tells_not = 2 * (2 * has - 1.0), rng.normal(size=(400, 2))
    weights = train.weigh_subtypes(tells, tells_not, has, NAMES)
    assert list(weights) == list(NAMES)
    assert all(a > 1 and abs(b) < 0.5 for a, b, _ in weights.values())


def test_a_sub_type_scored_too_low_is_raised() -> None:
    rng = np.random.default_rng(2)
    has = np.stack([np.arange(300) % 3 == 0, np.arange(300) % 3 != 0], axis=1)
    scores = rng.normal(size=(300, 2)) + np.where(has, 2.0, -2.0) - np.array([3.0, 0.0])
    z = np.column_stack(
        [a * scores[:, i] + b * scores[:, i] + c
         for i, (a, b, c) in enumerate(train.weigh_subtypes(scores, scores, has, NAMES).values())]
    )  # fmt: skip
    before, after = (x.argmax(1) == has.argmax(1) for x in (scores, z))
    assert after.mean() > max(0.9, before.mean() + 0.05)


def test_the_threshold_keeps_precision_before_f1() -> None:
    p = np.array([0.9, 0.8, 0.7, 0.455, 0.445, 0.43, 0.42, 0.1] * 5)
    y = np.array([True, True, True, True, False, False, False, False] * 5)
    assert 0.445 < train.choose_threshold(p, y) <= 0.455


def trained(folder: Path, *options: object) -> tuple[bytes, dict]:
    assert train.main(["--out", str(folder), *map(str, options)]) == 0
    record = json.loads((folder / "words.json").read_text("utf-8"))["models"][ARTIFACT]
    return (folder / ARTIFACT).read_bytes(), record


@pytest.mark.slow
def test_training_is_deterministic_quick_and_takes_own_calls(tmp_path: Path) -> None:
    part = 10
    begun = time.process_time()
    first, record = trained(tmp_path / "a", "--part", part)
    took = time.process_time() - begun
    assert took * part < 15 * 60
    assert settings_of(record).thresholds.keys() == {*corpus.LABELS}
    assert trained(tmp_path / "b", "--part", part)[0] == first

    own = tmp_path / "own.jsonl"
    turns = [
        {"speaker": "collector", "text": "明天我带人去你厂门口拉横幅", "labels": ["threat"],
         "subtypes": ["exposure"]},
        {"speaker": "debtor", "text": "你别来", "labels": [], "subtypes": []},
    ]  # fmt: skip
    call = {"call_id": "own-1", "kind": "debtor_call", "lang": "zh-Hans", "severity": "abusive",
            "profile": "own", "listener": "debtor", "turns": turns}  # fmt: skip
    own.write_text(json.dumps(call, ensure_ascii=False) + "\n", "utf-8")
    more, record = trained(tmp_path / "c", "--part", part, "--extra", own)
    assert more != first
    assert record["source"] != ""


@pytest.mark.slow
def test_own_calls_with_mistakes_are_named(tmp_path: Path) -> None:
    own = tmp_path / "own.jsonl"
    turn = {"speaker": "collector", "text": "喂", "labels": ["theft"], "subtypes": []}
    own.write_text(json.dumps({"call_id": "own-1", "turns": [turn]}) + "\n", "utf-8")
    with pytest.raises(SystemExit, match="own-1"):
        train.main(["--out", str(tmp_path), "--part", "50", "--extra", str(own)])
    assert not (tmp_path / ARTIFACT).exists()

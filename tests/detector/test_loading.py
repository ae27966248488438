"""The recording is read while Whisper loads; who has windows waits, and hears of a failure."""

import threading

import numpy as np
import pytest

from detector.audio import RATE
from detector.errors import ModelError
from detector.loading import Loading
from detector.speech import Window
from detector.transcript import PLAIN, Heard

WINDOW = Window(0, np.zeros(RATE, np.float32), ((0, 0, RATE),))


class Model:
    workers = 2

    def __call__(self, windows, change=PLAIN):
        return [Heard(language="zh") for _ in windows]


def test_windows_wait_for_the_model() -> None:
    gate = threading.Event()

    def load() -> Model:
        assert gate.wait(10)
        return Model()

    with Loading(load, 2) as loading:
        assert loading.workers == 2
        opener = threading.Timer(0.05, gate.set)  # it was begun without waiting for the model
        opener.start()
        assert [heard.language for heard in loading([WINDOW])] == ["zh"]


def test_who_has_windows_hears_that_loading_failed() -> None:
    def load() -> Model:
        raise ModelError("模型文件不完整,请重新下载 (incomplete model)。")

    with Loading(load, 1) as loading, pytest.raises(ModelError, match="不完整"):
        loading([WINDOW])

"""The call encoder: reads a whole call and gives logits for each turn.

Six layers of multilingual-e5-small (MIT), fine-tuned on the corpus by `models.train_encoder`
with one token a character and an embedding of how the character sounds, so that a misheard
homophone stays near. Runs with ONNX Runtime (int8), without torch.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.artifacts import artifact, onnx_session

__all__ = ["LONGEST", "CallEncoder", "Tables", "call_encoder"]

MODEL, VOCABULARY = "encoder.onnx", "encoder.vocab"
LABELS, SUBTYPES, ROLES = 3, 20, 3
SPECIALS = (
    "<pad>", "<unk>", "<s>", "</s>", "[collector]", "[debtor]", "[third_party]", "[someone]",
    "[to debtor]", "[to third_party]", "[to someone]",
)  # fmt: skip
_UNKNOWN, _START, _END = 1, 2, 3
_SPEAKER = {"C": 4, "D": 5, "T": 6, "U": 7}
_LISTENER = {"D": 8, "T": 9, "U": 10}
LONGEST = 480
"""Tokens of one window; the model has 512 positions."""
_UNIT = 300
"""Characters read at once of one turn; a longer turn is read in several units."""

Logits = NDArray[np.float32]


class Tables:
    """Which token a character is, and how it sounds; the layout of a call in windows."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.tokens = {t: i for i, t in enumerate([*SPECIALS, *data["tokens"]])}
        self.sound_of: list[int] = [0] * len(SPECIALS) + list(data["sound_of"])

    def encode(self, text: str) -> list[int]:
        """Return the token numbers of a normalised text."""
        return [self.tokens.get(character, _UNKNOWN) for character in text]

    def windows(self, turns: Sequence[tuple[str, str]], listener: str) -> list[dict[str, Any]]:
        """Lay out a call's turns, (role C, D, T or U; text), in windows of up to 480 tokens.

        Windows overlap by a third. Each holds `ids`, `sounds`, `turns` (the unit of each
        token, -1 none), `marks` (where each unit begins), `owner` and `part` (the turn of each
        unit and where in it the unit begins) and `weight` (how far a unit is from a cut).
        """
        units = [
            (number, at, [_SPEAKER[role], *self.encode(text[at : at + _UNIT])])
            for number, (role, text) in enumerate(turns)
            for at in range(0, max(len(text), 1), _UNIT)
        ]
        windows: list[dict[str, Any]] = []
        first = 0
        while first < len(units):
            last, size = first, 3
            while last < len(units) and (last == first or size + len(units[last][2]) <= LONGEST):
                size += len(units[last][2])
                last += 1
            windows.append(self._window(units, first, last, listener))
            if last >= len(units):
                break
            back, overlap = last, 0
            while back > first + 1 and overlap + len(units[back - 1][2]) <= LONGEST // 3:
                back -= 1
                overlap += len(units[back][2])
            first = back
        return windows

    def _window(
        self, units: list[tuple[int, int, list[int]]], first: int, last: int, listener: str
    ) -> dict[str, Any]:
        ids = [_START, _LISTENER[listener]]
        belongs = [-1] * len(ids)
        marks: list[int] = []
        weight: list[int] = []
        for place, (_, _, tokens) in enumerate(units[first:last]):
            marks.append(len(ids))
            before = place if first else 99
            after = last - first - 1 - place if last < len(units) else 99
            weight.append(min(before, after))
            ids += tokens
            belongs += [place] * len(tokens)
        ids.append(_END)
        belongs.append(-1)
        return {
            "ids": ids,
            "sounds": [self.sound_of[i] for i in ids],
            "turns": belongs,
            "marks": marks,
            "owner": [number for number, _, _ in units[first:last]],
            "part": [at for _, at, _ in units[first:last]],
            "weight": weight,
        }


class CallEncoder:
    """The published encoder with its tables."""

    def __init__(self, tables: Tables, session: Any) -> None:
        self.tables = tables
        self._session = session

    def __call__(self, turns: Sequence[tuple[str, str]], listener: str, workers: int = 1) -> Logits:
        """Return logits (turns, 26): three categories, twenty sub-types, three roles.

        Args:
            turns: (role C, D, T or U; normalised text) in order.
            listener: D, T or U.
            workers: how many windows are read at once.
        """
        windows = self.tables.windows(turns, listener)
        with ThreadPoolExecutor(workers) as pool:
            read = list(pool.map(lambda window: self._run([window])[0], windows))
        best: dict[tuple[int, int], tuple[int, Logits]] = {}
        for window, rows in zip(windows, read, strict=True):
            for place, key in enumerate(zip(window["owner"], window["part"], strict=True)):
                # a unit that was read twice: the reading that saw more around it counts
                if key not in best or window["weight"][place] > best[key][0]:
                    best[key] = (window["weight"][place], rows[place])
        out = np.full((len(turns), LABELS + SUBTYPES + ROLES), -20.0, np.float32)
        for (number, _), (_, row) in best.items():
            out[number] = np.maximum(out[number], row)
        return out

    def variants(
        self, calls: Sequence[Sequence[tuple[str, str]]], index: int, listener: str
    ) -> Logits:
        """Return logits (calls, 26) of turn `index` in versions of a call, read at once.

        Of each call the window is read that begins the turn and shows most around it.
        """
        windows = [
            max(
                (w for w in self.tables.windows(turns, listener) if index in w["owner"]),
                key=lambda w: int(w["weight"][w["owner"].index(index)]),
            )
            for turns in calls
        ]
        rows = self._run(windows)
        return np.stack(
            [row[window["owner"].index(index)] for row, window in zip(rows, windows, strict=True)]
        )

    def _run(self, windows: Sequence[dict[str, Any]]) -> Logits:
        """Return logits (windows, units, 26), windows and units padded to the longest."""
        feed = {}
        for name, nothing in (("ids", 0), ("sounds", 0), ("turns", -1), ("marks", 0)):
            longest = max(len(window[name]) for window in windows)
            feed[name] = np.full((len(windows), longest), nothing, np.int64)
            for row, window in zip(feed[name], windows, strict=True):
                row[: len(window[name])] = window[name]
        return np.asarray(self._session.run(["logits"], feed)[0], np.float32)


@cache
def call_encoder() -> CallEncoder:
    """Return the published encoder."""
    tables = Tables(json.loads(artifact(VOCABULARY).decode("utf-8")))
    return CallEncoder(tables, onnx_session(MODEL, threads=1))

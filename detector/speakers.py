"""Who speaks when in a single channel: local speakers, voice vectors, clusters.

The recipe is pyannote's (Bredin 2023, https://doi.org/10.21437/Interspeech.2023-105) with
smaller parts that need no torch. Segmentation-3.0 tells where somebody speaks and where
another may take over; what lies between two such places is a piece; CAM++
(https://arxiv.org/abs/2303.00332) turns each piece into a vector, and the vectors are
clustered over the whole call. Vectors live in memory only and are never written.
"""

from bisect import bisect
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from detector.audio import Samples
from detector.clustering import cluster
from detector.segmentation import FRAME_S, STEP, Frames, Segmentation, Segmenter
from detector.voices import voice_vector

__all__ = ["Diarization", "Diarizer"]

_BREATH = 0.2
"""Where "nobody" is at least this likely, one person may have ended and the next begun."""
_LONG_S = 2.0
"""Longer pieces are cut where a change of speakers is likeliest, and none is longer than the voice
model takes ..."""
_EDGE_S = 0.7
"""... but not so near to an end."""
_MIDDLE = 1e-5
"""By how much, a frame, the middle is preferred where nothing tells."""
_ENDLESS_S = 20.0
"""What goes on for longer without any pause is closed, so that memory stays small."""
_MIN_VECTOR_S = 0.5
_NEIGHBOURS = 8
_SOON_S = 2.0  # local speakers are told apart within a window of ten seconds
_OTHER_TRACK_S = 3.0  # another local speaker counts as so much further away


@dataclass(frozen=True, slots=True)
class Diarization:
    """Activity of each speaker, shape (frames, speakers), 17 ms a frame, 0 or 1.

    `separation` says how far apart the voices are (1 minus the cosine between the two nearest
    speakers' mean vectors; 0 for one speaker). `together` is 1 where two people speak at once,
    shape (frames,).
    """

    activity: Frames
    separation: float
    together: Frames = field(default_factory=lambda: np.zeros(0, np.float32))

    @property
    def speakers(self) -> int:
        return int(self.activity.shape[1])

    def scores(self, start_s: float, end_s: float) -> Frames:
        """Return each speaker's mean activity in a stretch of time, shape (speakers,)."""
        first = int(start_s / FRAME_S)
        last = max(first + 1, round(end_s / FRAME_S))
        part = self.activity[first:last]
        if not len(part):
            return np.zeros(self.speakers, np.float32)
        return np.asarray(part.mean(axis=0), np.float32)

    def together_s(self, start_s: float, end_s: float) -> float:
        """Return for how many seconds of a stretch of time two people speak at once."""
        part = self.together[int(start_s / FRAME_S) : round(end_s / FRAME_S)]
        return float(part.sum()) * FRAME_S


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one local speaker says without a pause, in frames; vector None if too short."""

    first: int
    last: int
    track: int
    vector: Frames | None


@dataclass(slots=True)
class _Open:
    """A piece that may still grow: its frames, whether alone, how likely a change at each."""

    first: int
    alone: list[bool] = field(default_factory=list)
    change: list[float] = field(default_factory=list)


@dataclass
class Diarizer:
    """Feed one channel as it flows; ask for the speakers at the end."""

    max_speakers: int = 4
    _segmenter: Segmenter = field(default_factory=Segmenter)
    _held: Samples = field(default_factory=lambda: np.zeros(0, np.float32))
    _base: int = 0  # sample at which _held begins
    _frames: int = 0  # frames that are final
    _open: dict[int, _Open] = field(default_factory=dict)  # by track
    _pieces: list[_Piece] = field(default_factory=list)
    _together: list[Frames] = field(default_factory=list)

    def feed(self, samples: Samples, speech_until: int) -> None:
        """Take the next samples (n,).

        `speech_until` is the last sample in which speech activity was seen: windows without
        any cost nothing.
        """
        self._held = np.concatenate([self._held, samples])
        for final in self._segmenter.feed(samples, speech_until):
            self._take(final)

    def finish(self, speech_until: int) -> Diarization:
        """Return the speakers of everything that was fed."""
        for final in self._segmenter.finish(speech_until):
            self._take(final)
        for track in list(self._open):
            self._close(track)
        together = np.concatenate([*self._together, np.zeros(1, np.float32)])
        return _diarization(self._pieces, together, self.max_speakers)

    def _take(self, final: Segmentation) -> None:
        """Grow, close and begin pieces with frames that are final."""
        change = np.minimum(final.nobody + final.two, 1.0).tolist()
        breath = (final.nobody >= _BREATH).tolist()
        self._together.append((final.active.sum(axis=1) > 1).astype(np.float32))
        for index, row in enumerate(final.active):
            active = [] if breath[index] else np.flatnonzero(row).tolist()
            # who is active after two spoke at once may be either of them, whatever the track
            endless = any(len(piece.change) * FRAME_S > _ENDLESS_S for piece in self._open.values())
            if endless or self._open.keys() != set(active):
                for track in list(self._open):
                    self._close(track)
            for track in active:
                piece = self._open.setdefault(track, _Open(self._frames))
                piece.alone.append(len(active) == 1)
                piece.change.append(change[index])
            self._frames += 1
        begun = min([piece.first for piece in self._open.values()], default=self._frames)
        keep = round(begun * STEP)
        self._held = self._held[keep - self._base :]
        self._base = keep

    def _close(self, track: int) -> None:
        """Cut a finished piece where speakers may change, and give each part its vector."""
        piece = self._open.pop(track)
        change = np.array(piece.change)
        edge, longest = round(_EDGE_S / FRAME_S), round(_LONG_S / FRAME_S)
        parts = [(0, len(change))]
        done = []
        while parts:
            first, last = parts.pop()
            if last - first <= longest:
                done.append((first, last))
                continue
            inner = change[first + edge : last - edge]
            middle = _MIDDLE * np.minimum(np.arange(len(inner)), np.arange(len(inner))[::-1])
            at = first + edge + int((inner + middle).argmax())
            parts += [(at, last), (first, at)]
        for first, last in done:
            alone = [piece.first + i for i in range(first, last) if piece.alone[i]]
            vector = self._voice(alone) if len(alone) * FRAME_S >= _MIN_VECTOR_S else None
            self._pieces.append(_Piece(piece.first + first, piece.first + last, track, vector))

    def _voice(self, frames: list[int]) -> Frames:
        parts = [
            self._held[round(f * STEP) - self._base : round((f + 1) * STEP) - self._base]
            for f in frames
        ]
        return voice_vector(np.concatenate(parts))


def _diarization(pieces: list[_Piece], together: Frames, max_speakers: int) -> Diarization:
    pieces = sorted(pieces, key=lambda piece: piece.first)
    voiced = [piece for piece in pieces if piece.vector is not None]
    frames = len(together)
    if not voiced:
        activity = np.zeros((frames, 1), np.float32)
        for piece in pieces:
            activity[piece.first : piece.last] = 1
        return Diarization(activity, 0.0, together)
    vectors = np.stack([piece.vector for piece in voiced if piece.vector is not None])
    weights = np.array([(piece.last - piece.first) * FRAME_S for piece in voiced])
    labels, centroids = cluster(vectors, weights, max_speakers, _handed(voiced))
    activity = np.zeros((frames, len(centroids)), np.float32)
    known = list(zip(voiced, labels.tolist(), strict=True))
    starts = [piece.first for piece in voiced]
    for piece in pieces:
        if piece.vector is None:  # too short for a vector: by its neighbours
            at = bisect(starts, piece.first)
            near = known[max(0, at - _NEIGHBOURS) : at + _NEIGHBOURS]
            activity[piece.first : piece.last, _by_context(piece, near)] = 1
    for piece, label in known:
        activity[piece.first : piece.last, label] = 1
    return Diarization(activity, _separation(centroids), together)


def _handed(pieces: list[_Piece]) -> float:
    """Return what share of pieces said soon after another go to another local speaker."""
    soon = [
        before.track != after.track
        for before, after in pairwise(pieces)
        if (after.first - before.last) * FRAME_S < _SOON_S
    ]
    return sum(soon) / len(soon) if soon else 0.0


def _by_context(piece: _Piece, known: list[tuple[_Piece, int]]) -> int:
    """Give a very short piece to the nearest one of the same local speaker, or the nearest."""

    def distance(other: _Piece) -> float:
        gap = max(other.first - piece.last, piece.first - other.last, 0) * FRAME_S
        return gap + (0.0 if other.track == piece.track else _OTHER_TRACK_S)

    return min(known, key=lambda pair: distance(pair[0]))[1]


def _separation(centroids: Frames) -> float:
    if len(centroids) < 2:
        return 0.0
    cosine = centroids @ centroids.T
    np.fill_diagonal(cosine, -1.0)
    return float(1.0 - cosine.max())

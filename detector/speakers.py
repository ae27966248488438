"""Who speaks when in a single channel: local speakers, voice vectors, clusters, words.

The recipe is pyannote's (Bredin 2023, https://doi.org/10.21437/Interspeech.2023-105) with
smaller parts that need no torch. Segmentation-3.0 finds up to three local speakers in each
ten seconds; what one of them says without a pause is a piece; CAM++
(https://arxiv.org/abs/2303.00332) turns each piece into a vector; the vectors are clustered
over the whole call, and each word goes to the speaker who is active while it is said.
Vectors live in memory only and are never written.
"""

import itertools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.artifacts import onnx_session
from detector.audio import RATE, Samples
from detector.clustering import cluster

__all__ = ["Diarization", "Diarizer"]

WINDOW = 10 * RATE
HOP = 5 * RATE
FRAMES = 589  # what the segmentation model gives for ten seconds
FRAME_S = 10.0 / FRAMES
_HALF = FRAMES // 2
_STEP = WINDOW / FRAMES  # samples a frame
TRACKS = 3
# the seven classes of segmentation-3.0: nobody, one of three, two of three
_POWERSET = np.array(
    [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], np.float32
)
_PAUSE_S = 0.2
_MIN_VECTOR_S = 0.5
_MAX_PIECE_S = 4.0
_MAX_VECTOR_S = 2.5

Frames = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Diarization:
    """Activity of each speaker, shape (frames, speakers), 17 ms a frame, 0 or 1.

    `separation` says how far apart the voices are (1 minus the cosine between the two nearest
    speakers' mean vectors; 0 for one speaker).
    """

    activity: Frames
    separation: float

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


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one local speaker says without a pause, in frames; vector None if too short."""

    first: int
    last: int
    track: int
    vector: Frames | None


def _vector(samples: Samples) -> Frames:
    """Return the unit-length CAM++ vector (192,) of some speech."""
    import kaldi_native_fbank as knf

    options = knf.FbankOptions()
    options.frame_opts.samp_freq = RATE
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = 80
    fbank = knf.OnlineFbank(options)
    fbank.accept_waveform(RATE, samples)
    fbank.input_finished()
    features = np.stack([fbank.get_frame(i) for i in range(fbank.num_frames_ready)])
    features = (features - features.mean(axis=0)).astype(np.float32)
    out = onnx_session("speaker_embedding.onnx").run(None, {"input": features[None]})[0][0]
    return np.asarray(out / max(float(np.linalg.norm(out)), 1e-9), np.float32)


def _match(earlier: Frames, later: Frames) -> Frames:
    """Reorder the local speakers of `later` (n, 3) to agree best with `earlier` (n, 3)."""
    agreement = earlier[-_HALF:].T @ later[:_HALF]
    best = max(
        itertools.permutations(range(TRACKS)),
        key=lambda order: sum(agreement[i, j] for i, j in enumerate(order)),
    )
    return later[:, list(best)]


@dataclass
class Diarizer:
    """Feed one channel as it flows; ask for the speakers at the end."""

    max_speakers: int = 4
    _held: Samples = field(default_factory=lambda: np.zeros(0, np.float32))
    _base: int = 0  # sample at which _held begins
    _at: int = 0  # sample at which the next window begins
    _before: Frames | None = None  # local speakers in the window before
    _done: int = 0  # how many frames of that window are final
    _frames: int = 0  # frames that are final
    _open: dict[int, list[int]] = field(default_factory=dict)  # track: [first, last, alone...]
    _pieces: list[_Piece] = field(default_factory=list)

    def feed(self, samples: Samples, speech_until: int) -> None:
        """Take the next samples (n,).

        `speech_until` is the last sample in which speech activity was seen: windows without
        any cost nothing.
        """
        self._held = np.concatenate([self._held, samples])
        while self._base + len(self._held) >= self._at + WINDOW:
            self._segment(speech_until)

    def _segment(self, speech_until: int) -> None:
        """Find the local speakers of the next window; its first half becomes final."""
        begin = self._at - self._base
        samples = self._held[begin : begin + WINDOW]
        if speech_until > self._at:
            samples = np.pad(samples, (0, WINDOW - len(samples)))
            session = onnx_session("speaker_segmentation.onnx")
            logits = session.run(None, {"input": samples[None, None]})[0][0]
            now = _POWERSET[logits.argmax(axis=1)]
        else:
            now = np.zeros((FRAMES, TRACKS), np.float32)
        # a hop is no whole number of frames: by turns one less and one more become final
        count = (self._at + HOP) * FRAMES // WINDOW - self._frames
        final = now[:count]
        if self._before is not None:
            now = _match(self._before, now)
            # each window is surest in its middle: fade from the old to the new
            fade = np.linspace(1, 0, count, dtype=np.float32)[:, None]
            old = self._before[self._done : self._done + count]
            final = (old * fade + now[:count] * (1 - fade) >= 0.5).astype(np.float32)
        self._before, self._done = now, count
        self._take(final)
        self._at += HOP
        begun = [first for first, *_ in self._open.values()]
        keep = min([round(first * _STEP) for first in begun] + [self._at])
        self._held = self._held[keep - self._base :]
        self._base = keep

    def _take(self, final: Frames) -> None:
        """Grow, close and begin pieces with frames (n, 3) that are final."""
        pause, longest = round(_PAUSE_S / FRAME_S), round(_MAX_PIECE_S / FRAME_S)
        for row in final:
            active = np.flatnonzero(row)
            for track in list(self._open):
                first, last, *_ = self._open[track]
                taken_over = track not in active and len(active) > 0
                if self._frames - last > pause or taken_over or last - first > longest:
                    self._close(track)
            for track in active.tolist():
                if track not in self._open:
                    self._open[track] = [self._frames, self._frames]
                piece = self._open[track]
                piece[1] = self._frames
                if len(active) == 1:
                    piece.append(self._frames)
            self._frames += 1

    def _close(self, track: int) -> None:
        first, last, *alone = self._open.pop(track)
        vector = None
        if len(alone) * FRAME_S >= _MIN_VECTOR_S:
            alone = alone[: round(_MAX_VECTOR_S / FRAME_S)]
            parts = [
                self._held[round(f * _STEP) - self._base : round((f + 1) * _STEP) - self._base]
                for f in alone
            ]
            samples = np.concatenate(parts)
            if len(samples) >= _MIN_VECTOR_S * RATE * 0.8:
                vector = _vector(samples)
        self._pieces.append(_Piece(first, last + 1, track, vector))

    def finish(self, speech_until: int) -> Diarization:
        """Return the speakers of everything that was fed."""
        while self._at < self._base + len(self._held):
            self._segment(speech_until)
        for track in list(self._open):
            self._close(track)
        pieces = sorted(self._pieces, key=lambda piece: piece.first)
        voiced = [piece for piece in pieces if piece.vector is not None]
        frames = self._frames + FRAMES
        if not voiced:
            activity = np.zeros((frames, 1), np.float32)
            for piece in pieces:
                activity[piece.first : piece.last] = 1
            return Diarization(activity, 0.0)
        vectors = np.stack([piece.vector for piece in voiced if piece.vector is not None])
        weights = np.array([(piece.last - piece.first) * FRAME_S for piece in voiced])
        labels, centroids = cluster(vectors, weights, self.max_speakers)
        activity = np.zeros((frames, len(centroids)), np.float32)
        known = list(zip(voiced, labels.tolist(), strict=True))
        by_voice = {id(piece): label for piece, label in known}
        for piece in pieces:
            label = by_voice.get(id(piece))
            if label is None:  # too short for a vector: by its neighbours
                label = _by_context(piece, known)
            activity[piece.first : piece.last, label] = 1
        return Diarization(activity, _separation(centroids))


def _by_context(piece: _Piece, known: list[tuple[_Piece, int]]) -> int:
    """Give a very short piece to the nearest one of the same local speaker, or the nearest."""

    def distance(other: _Piece) -> float:
        gap = max(other.first - piece.last, piece.first - other.last, 0) * FRAME_S
        return gap + (0.0 if other.track == piece.track else 3.0)

    return min(known, key=lambda pair: distance(pair[0]))[1]


def _separation(centroids: Frames) -> float:
    if len(centroids) < 2:
        return 0.0
    cosine = centroids @ centroids.T
    np.fill_diagonal(cosine, -1.0)
    return float(1.0 - cosine.max())

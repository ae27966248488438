"""Pieces of a recording cut as stored: its packets, byte for byte, nothing encoded again.

One pass through the recording serves any number of pieces. Every piece is read back: its
packets must be the original's, at the original's distances; otherwise it is not handed out.
"""

import hashlib
import math
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detector.audio import Clock, Recording, container_of, is_pause
from detector.errors import RecordingError
from detector.output import write_error

__all__ = ["Piece", "Want", "cut_packets"]

RESERVOIR_S = 0.5
"""An mp3 frame may need bits of up to nine earlier ones (half a second at the least rate)."""
_TOLERANCE_S = 0.02
_ROUNDING_S = 0.001
"""Of stamps in milliseconds."""
_WAV = (
    "pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_alaw",
    "pcm_mulaw", "adpcm_ms", "adpcm_ima_wav", "gsm_ms",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Want:
    """A stretch of the recording, in its seconds, and the file it is to be written to."""

    start_s: float
    end_s: float
    partial: Path


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch as it was written: the first and last moment that it holds."""

    suffix: str
    start_s: float
    end_s: float
    method: str


def _target(codec: str, container: str, extradata: bool) -> tuple[str, str, dict[str, str]] | None:
    """Return muxer, suffix and options for packets of this codec, None where there are none."""
    if codec in _WAV:
        return "wav", ".wav", {}
    if codec == "mp3":  # without an index, since that would carry a delay of its own
        return "mp3", ".mp3", {"write_xing": "0", "id3v2_version": "0"}
    if codec == "aac":
        return ("ipod", ".m4a", {}) if extradata else ("adts", ".aac", {})
    if codec in ("amr_nb", "amr_wb"):
        bare = container.startswith("amr")
        return ("amr", ".amr", {}) if bare else ("3gp", ".3gp", {})
    if codec == "alac":
        return "ipod", ".m4a", {}
    if codec in ("opus", "vorbis", "speex"):
        return "ogg", ".ogg", {}
    if codec.startswith("wma"):
        return "asf", ".wma", {}
    return None  # flac too: its packets bear their number in the recording, and players stumble


_RUN_IN = ("ipod", "3gp", "ogg")
"""Muxers that can say "what is before 0 is the encoder's run-in"."""


def _timed(container: Any) -> Iterator[tuple[Any, float, float]]:
    """Yield packets, when each begins in the decoded recording, and how long it sounds.

    That is the time `detector.audio.Decoder` gives its samples, told without decoding.
    What a decoder throws away (the encoder's run-in) lies before 0.
    """
    import av

    stream = container.streams.audio[0]
    context = stream.codec_context
    clock, elapsed, lost, run_in = Clock(container), 0.0, False, False
    start = (container.start_time or 0) / 1_000_000
    frame_s = 0.0  # stamps of AAC wander in some recorders' files, its frames are all alike
    if context.codec.canonical_name == "aac" and context.frame_size and context.sample_rate:
        frame_s = context.frame_size / context.sample_rate
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError, ValueError, OSError):
            return
        if not packet.size:
            continue
        base = packet.time_base or stream.time_base
        length = frame_s or float((packet.duration or 0) * base)
        at = None if packet.pts is None else float(packet.pts * base)
        if at is not None and is_pause(context.name, packet.size):
            lost = True
            clock.pause()
            yield packet, max(elapsed, at - start), length
            continue
        skipped = 0.0
        if at is not None and at < start:
            run_in = run_in or packet.has_sidedata("skip_samples")  # on the first packet only
            skipped = min(length, start - at) if run_in else 0.0
        if skipped < length:
            elapsed += clock.add(None if at is None else at + skipped, length - skipped, lost)
            lost = False
        yield packet, at - start if at is not None and skipped else elapsed, length
        elapsed += length - skipped


@dataclass(slots=True)
class _Written:
    """What went into a piece: its bytes' digest, and when each packet begins."""

    digest: Any = field(default_factory=hashlib.sha256)
    times: "array[float]" = field(default_factory=lambda: array("d"))
    end_s: float = 0.0

    def count(self, data: bytes, at: float, length: float) -> None:
        self.digest.update(data)
        self.times.append(at)
        self.end_s = at + length


class _Writer:
    """A piece being written; `failed` where its container does not take these packets."""

    def __init__(self, want: Want, stream: Any, muxer: str, options: dict[str, str]) -> None:
        import av

        self.want = want
        self.written = _Written()
        self.failed = False
        self._keeps_run_in = muxer in _RUN_IN
        self._base: int | None = None
        self._stack = ExitStack()
        with self._writing():
            file = self._stack.enter_context(want.partial.open("wb"))
            out = av.open(file, "w", format=muxer, options={**options, "fflags": "+bitexact"})
            self._out = self._stack.enter_context(out)
            self._stream = out.add_stream_from_template(stream)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        import av

        try:
            yield
        except (av.error.FFmpegError, ValueError, OverflowError):
            self.failed = True
        except OSError as error:
            raise write_error(error, self.want.partial.parent) from None

    def add(self, packet: Any, at: float, length: float) -> None:
        import av

        if self.failed or (at < -_ROUNDING_S and not self._keeps_run_in):
            return
        data = bytes(packet)
        base = packet.time_base or packet.stream.time_base
        stamp = packet.pts if packet.pts is not None else round(at / base)
        if self._base is None:
            self._base = stamp - (round(at / base) if at < 0 else 0)
        copy = av.Packet(data)
        copy.pts = copy.dts = stamp - self._base
        copy.duration = packet.duration or 0
        copy.time_base, copy.stream, copy.is_keyframe = base, self._stream, True
        with self._writing():
            self._out.mux(copy)
        self.written.count(data, at, length)

    def close(self) -> None:
        with self._writing():
            self._stack.close()


def cut_packets(recording: Recording, wants: Sequence[Want]) -> dict[int, Piece]:
    """Write what can be cut as stored, by position in `wants`; the rest is left to decode.

    Raises:
        OutputError: the disk is full, or the place cannot be written.
        RecordingError: the recording cannot be opened any more.
    """
    if recording.container == "silk":
        return {}
    with container_of(recording.path) as container:
        if not container.streams.audio:
            raise RecordingError(f"{recording.path.name} 里没有声音轨道 (no audio track)。")
        stream = container.streams.audio[0]
        context = stream.codec_context
        target = _target(
            context.codec.canonical_name, container.format.name, bool(context.extradata)
        )
        if target is None:
            return {}
        muxer, suffix, options = target
        early = RESERVOIR_S if muxer == "mp3" else 0.0
        written = _pass(container, wants, early, muxer, options)
    pieces = {}
    for index, made in written.items():
        start = _read_back(wants[index].partial, made, exact=suffix != ".wav")
        if start is not None:
            pieces[index] = Piece(suffix, start, made.end_s, "packets")
    return pieces


def _pass(
    container: Any, wants: Sequence[Want], early: float, muxer: str, options: dict[str, str]
) -> dict[int, _Written]:
    """Go through the recording once; return what went into each piece that was written."""
    stream = container.streams.audio[0]
    waiting = sorted(range(len(wants)), key=lambda i: wants[i].start_s, reverse=True)
    last = max((want.end_s for want in wants), default=-math.inf)
    running: dict[int, _Writer] = {}
    done: dict[int, _Written] = {}

    def finish(index: int) -> None:
        writer = running[index]
        writer.close()
        if not writer.failed and writer.written.times:
            done[index] = writer.written
        del running[index]

    try:
        for packet, at, length in _timed(container):
            if at >= last:
                break
            while waiting and at + length > wants[waiting[-1]].start_s - early:
                index = waiting.pop()
                running[index] = _Writer(wants[index], stream, muxer, options)
            for index in [i for i in running if at >= wants[i].end_s]:
                finish(index)
            for writer in running.values():
                writer.add(packet, at, length)
        for index in tuple(running):
            finish(index)
    finally:
        for writer in running.values():
            with suppress(Exception):
                writer.close()
    return done


def _read_back(path: Path, made: _Written, exact: bool) -> float | None:
    """Return where the piece begins in the recording, None where it is not as it should be.

    `exact`: as many packets, too; plain samples may be grouped in another way.
    """
    import av

    found = _Written()
    try:
        with container_of(path) as container:
            name = container.streams.audio[0].codec_context.name
            for packet, at, length in _timed(container):
                found.count(bytes(packet), at, length)
                try:
                    packet.decode()
                except (av.error.FFmpegError, ValueError):
                    # a decoder may stumble until it has what its first packets build on
                    if found.times[-1] - found.times[0] > RESERVOIR_S and not is_pause(
                        name, packet.size
                    ):
                        return None
    except (RecordingError, IndexError):
        return None
    if found.digest.digest() != made.digest.digest() or not found.times:
        return None
    start = made.times[0] - found.times[0]
    if exact:
        if len(found.times) != len(made.times):
            return None
        apart = zip(made.times, found.times, strict=True)
        if any(abs(there - here - start) > _TOLERANCE_S for there, here in apart):
            return None
    elif abs(made.end_s - found.end_s - start) > _TOLERANCE_S:
        return None
    return max(0.0, start) if start > -_ROUNDING_S else None

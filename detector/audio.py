"""Any phone recording, read as a stream; the original is opened read-only and never changed.

What a file is, is told by its content, never by its name. Everything downstream receives
blocks of float32 samples at 16 kHz whose time runs from the start of the original recording.
"""

import hashlib
import math
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector import silk
from detector.container import (
    HIGHEST_RATE,
    LOWEST_RATE,
    can_decode,
    container_of,
    not_a_recording,
)
from detector.errors import RecordingError

__all__ = [
    "RATE",
    "Clock",
    "Decoder",
    "Recording",
    "Samples",
    "container_of",
    "is_pause",
    "open_recording",
]

RATE = 16_000
Samples = NDArray[np.float32]

BLOCK = RATE  # one second
MIN_DURATION_S = 0.3
_HASH_PIECE = 1 << 20
_GUESSED = ("aac", "amr")
"""Bare streams without a header: FFmpeg guesses their length from the bit rate, often wrongly."""
_MAX_BAD_PACKETS = 2_000
_GAP_S, _MAX_GAP_S = 0.1, 3_600.0
_SPARE_S, _SPARE_EACH, _PAUSE_S = 1_800.0, 10.0, 0.02
"""What stamps alone may add as silence: so much, so much more for each second of sound, and what
AMR's own pause packets last. A small file that claims days would never end."""
_OVERLAP_S = 1.0


@dataclass(frozen=True, slots=True)
class Recording:
    """What is known of a recording before it is listened to.

    `duration_s` is measured while decoding where the container does not say it, so that it is
    None until then. `codec` and `container` are FFmpeg's names ("silk" for SILK).
    """

    path: Path
    sha256: str
    bytes: int
    container: str
    codec: str
    sample_rate_hz: int
    channels: int
    duration_s: float | None
    created_at: str | None = None
    """The container's own creation time as it stands there (usually UTC), if it has one."""


def _hash(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_HASH_PIECE):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size


def _check_file(path: Path) -> None:
    """Refuse what is not a readable, plain, filled file."""
    try:
        info = os.stat(path)
    except FileNotFoundError:
        raise RecordingError(f"找不到文件 {path},请检查路径 (file not found)。") from None
    except (OSError, ValueError) as error:
        raise RecordingError(f"无法打开 {path}:{error} (cannot open)。") from None
    if stat.S_ISDIR(info.st_mode):
        raise RecordingError(f"{path} 是文件夹,请给出一个录音文件 (a folder, not a recording)。")
    if not stat.S_ISREG(info.st_mode):
        raise RecordingError(f"{path} 不是普通文件 (not a regular file)。")
    if info.st_size == 0:
        raise RecordingError(f"{path.name} 是空文件(0 字节),请重新拷贝录音 (empty file)。")
    try:
        with path.open("rb"):
            pass
    except PermissionError:
        raise RecordingError(f"没有权限读取 {path},请检查文件权限 (permission denied)。") from None
    except OSError as error:
        raise RecordingError(f"无法打开 {path}:{error} (cannot open)。") from None


def open_recording(path: str | os.PathLike[str]) -> Recording:
    """Hash a file and read its header.

    Raises:
        RecordingError: the file is missing, unreadable, empty, no recording or without sound.
    """
    path = Path(path)
    _check_file(path)
    try:
        digest, size = _hash(path)
    except OSError as error:
        raise RecordingError(f"读取 {path} 时出错:{error} (read error)。") from None
    with path.open("rb") as file:
        if silk.is_silk(file.read(10)):
            file.seek(0)
            count = sum(1 for _ in silk.packets(file))
            return Recording(
                path, digest, size, "silk", "silk", silk.RATE, 1, count * silk.PACKET_S
            )
    with container_of(path) as container:
        if not container.streams.audio:
            raise RecordingError(f"{path.name} 里没有声音轨道,只有画面 (no audio track)。")
        stream = container.streams.audio[0]
        context = stream.codec_context
        if context is None or not can_decode(context.name) or not context.channels:
            raise not_a_recording(path)
        if not LOWEST_RATE <= context.sample_rate <= HIGHEST_RATE:
            raise not_a_recording(path)
        duration: float | None = None
        if container.format.name in _GUESSED:
            pass
        elif stream.duration and stream.time_base:
            duration = float(stream.duration * stream.time_base)
        elif container.duration:
            duration = container.duration / 1_000_000
        return Recording(
            path=path,
            sha256=digest,
            bytes=size,
            container=container.format.name,
            codec=context.name,
            sample_rate_hz=context.sample_rate,
            channels=context.channels,
            duration_s=duration if duration and 0 < duration < 1e6 else None,
            created_at=container.metadata.get("creation_time"),
        )


class Clock:
    """Where sound stands in the recording: pauses that the file left out count as silence."""

    def __init__(self, container: Any) -> None:
        # where what was counted so far ends; sound may begin later than the picture
        self._ends = (container.start_time or 0) / 1_000_000
        self._spare = _SPARE_S

    def add(self, at: float | None, seconds: float, lost: bool = False) -> float:
        """Count sound that is stamped `at`; return how much silence comes before it, in seconds.

        Gaps in the stamps count once they add up to more than rounding makes, or at once
        where something before this sound was `lost`.
        """
        silence = 0.0
        self._spare += _SPARE_EACH * seconds
        if at is not None:
            gap = at - self._ends
            if (gap > _GAP_S or (lost and gap > 0)) and gap < min(_MAX_GAP_S, self._spare):
                silence = gap
                self._spare -= gap
            # what overlaps a little cannot be taken back
            if silence or gap > _GAP_S or gap < -_OVERLAP_S:
                self._ends = at
        self._ends += seconds
        return silence

    def pause(self) -> None:
        """Count a packet of AMR's own silence: so much of a gap is true."""
        self._spare += _PAUSE_S


def _sane(pieces: list[Samples]) -> Samples:
    """Join pieces (channels, n); what is no number becomes silence, what is too loud the limit."""
    block = np.concatenate(pieces, axis=1)
    np.nan_to_num(block, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
    return np.clip(block, -1.0, 1.0, out=block)


class Decoder:
    """A recording as blocks of samples, shape (channels, n), float32 in [-1, 1], 16 kHz.

    Iterate once. Afterwards `duration_s` is what was decoded and `damaged` how many packets
    could not be. More than two channels are mixed to one.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.channels = recording.channels if recording.channels <= 2 else 1
        self.duration_s = 0.0
        self.damaged = 0

    def __iter__(self) -> Iterator[Samples]:
        samples = 0
        pending: list[Samples] = []
        held = 0
        for piece in self._pieces():
            pending.append(piece)
            held += piece.shape[1]
            if held >= BLOCK:
                block = _sane(pending)
                for start in range(0, held - held % BLOCK, BLOCK):
                    samples += BLOCK
                    self.duration_s = samples / RATE
                    yield block[:, start : start + BLOCK]
                rest = block[:, held - held % BLOCK :]
                pending, held = [rest], rest.shape[1]
        samples += held
        self.duration_s = samples / RATE
        if held:
            yield _sane(pending)
        if self.duration_s < MIN_DURATION_S:
            raise RecordingError(
                f"{self.recording.path.name} 只有 {self.duration_s:.1f} 秒声音,太短,无法分析;"
                "如果原录音更长,文件可能已损坏 (too short to analyse)。"
            )

    def _pieces(self) -> Iterator[Samples]:
        import av

        layout = "mono" if self.channels == 1 else "stereo"
        resampler, form = None, None
        for frame in self.frames():
            if isinstance(frame, float):  # a gap in the recording, in seconds
                for start in range(0, round(frame * RATE), BLOCK):
                    width = min(BLOCK, round(frame * RATE) - start)
                    yield np.zeros((self.channels, width), np.float32)
                continue
            now = (frame.format.name, frame.layout.name, frame.layout.nb_channels, frame.rate)
            if resampler is None or now != form:  # a stream may change midway
                if resampler is not None:
                    yield from self._resampled(resampler, None)
                resampler = av.AudioResampler(format="fltp", layout=layout, rate=RATE)
                form = now
            yield from self._resampled(resampler, frame)
        if resampler is not None:
            yield from self._resampled(resampler, None)

    def _resampled(self, resampler: Any, frame: Any) -> Iterator[Samples]:
        """Yield what the resampler makes of a frame, or still holds where that is None."""
        import av

        try:
            made = resampler.resample(frame)
        except (av.error.FFmpegError, ValueError):
            if frame is not None:
                self.damaged += 1
            return
        for out in made:
            yield out.to_ndarray().astype(np.float32, copy=False)

    def frames(self) -> Iterator[Any]:
        """Yield decoded frames (of PyAV) as they are, and silence between them in seconds."""
        return self._silk_frames() if self.recording.container == "silk" else self._frames()

    def _silk_frames(self) -> Iterator[Any]:
        import av

        def broken() -> None:
            self.damaged += 1

        with self.recording.path.open("rb") as file:
            for piece in silk.decode(file, broken):
                if len(piece):
                    frame = av.AudioFrame.from_ndarray(piece[None], format="fltp", layout="mono")
                    frame.sample_rate = silk.RATE
                    yield frame

    def _frames(self) -> Iterator[Any]:
        import av

        with container_of(self.recording.path) as container:
            stream = container.streams.audio[0]
            stream.codec_context.thread_count = 1  # sound is so quick that threads only wait
            clock = Clock(container)
            lost, quiet_to = False, -math.inf
            packets = container.demux(stream)
            while True:
                try:
                    packet = next(packets)
                except StopIteration:
                    if silence := clock.add(quiet_to, 0.0, lost):  # a pause at the very end
                        yield silence
                    return
                except (av.error.FFmpegError, ValueError, OSError):
                    self.damaged += 1
                    return  # the container itself is cut off: keep what was decoded
                try:
                    frames = packet.decode()
                except (av.error.FFmpegError, ValueError):
                    lost = True
                    if is_pause(stream.codec_context.name, packet.size):
                        clock.pause()
                        if packet.pts is not None:
                            end = packet.pts + (packet.duration or 0)
                            quiet_to = float(end * packet.time_base)
                        continue
                    self.damaged += 1
                    if self.damaged > _MAX_BAD_PACKETS:
                        return
                    continue
                for frame in frames:
                    if not frame.samples or not LOWEST_RATE <= frame.sample_rate <= HIGHEST_RATE:
                        continue
                    silence = clock.add(frame.time, frame.samples / frame.sample_rate, lost)
                    lost = False
                    if silence:
                        yield silence
                    frame.pts = None
                    yield frame


def is_pause(codec: str, size: int) -> bool:
    """Tell AMR's "silence" and "nothing sent" frames, which FFmpeg cannot decode, from damage."""
    return codec in ("amrnb", "amrwb") and size <= 6

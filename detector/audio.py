"""Any phone recording, read as a stream; the original is opened read-only and never changed.

What a file is, is told by its content, never by its name. Everything downstream receives
blocks of float32 samples at 16 kHz whose time runs from the start of the original recording.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector import silk
from detector.errors import RecordingError

__all__ = ["RATE", "Decoder", "Recording", "Samples", "Survey", "open_recording", "survey"]

RATE = 16_000
Samples = NDArray[np.float32]

BLOCK = RATE  # one second
MIN_DURATION_S = 0.3
_HASH_PIECE = 1 << 20
# Playlists and other formats that point to further files or addresses are not in this list,
# and the decoder is handed an open file, so that it can reach nothing else.
_FORMATS = (
    "wav,w64,mp3,mov,mp4,m4a,3gp,3g2,mj2,aac,amr,amrnb,amrwb,ogg,flac,asf,matroska,webm,"
    "caf,aiff,au,avi,mpegts,mpeg"
)
_GUESSED = ("aac", "amr")
"""Bare streams without a header: FFmpeg guesses their length from the bit rate, often wrongly."""
_MAX_BAD_PACKETS = 2_000
_GAP_S, _MAX_GAP_S = 0.1, 3_600.0
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


@dataclass(frozen=True, slots=True)
class Survey:
    """How the channels of a recording relate.

    `layout` is "mono", "stereo" (the channels hold different people) or "one-sided" (one of two
    channels is silent); `use` names the channels to listen to, None meaning their mean.
    In stereo, a channel whose power is below `leaks` (one a channel) times that of the other
    holds no more than the other's voice leaking in.
    """

    layout: str
    use: tuple[int | None, ...]
    leaks: tuple[float, float] = field(default=(0.0, 0.0), compare=False)


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


def _not_a_recording(path: Path) -> RecordingError:
    return RecordingError(
        f"{path.name} 不是能识别的录音文件,或文件已损坏;请从手机重新导出原始录音 "
        "(not a recognisable recording, or damaged)。"
    )


@contextmanager
def _container(path: Path) -> Iterator[Any]:
    import av

    av.logging.set_level(None)
    try:
        opened = path.open("rb")
    except OSError as error:
        raise RecordingError(f"无法打开 {path}:{error} (cannot open)。") from None
    with opened as file:
        try:
            container = av.open(
                file, metadata_errors="replace", options={"format_whitelist": _FORMATS}
            )
        except (av.error.FFmpegError, ValueError, OSError, OverflowError):
            raise _not_a_recording(path) from None
        with container:
            yield container


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
    with _container(path) as container:
        if not container.streams.audio:
            raise RecordingError(f"{path.name} 里没有声音轨道,只有画面 (no audio track)。")
        stream = container.streams.audio[0]
        context = stream.codec_context
        if stream.codec_context is None or not context.sample_rate or not context.channels:
            raise _not_a_recording(path)
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
            sane = np.nan_to_num(piece, nan=0.0, posinf=1.0, neginf=-1.0)
            pending.append(sane.clip(-1.0, 1.0))
            held += piece.shape[1]
            if held >= BLOCK:
                block = np.concatenate(pending, axis=1)
                for start in range(0, held - held % BLOCK, BLOCK):
                    samples += BLOCK
                    self.duration_s = samples / RATE
                    yield block[:, start : start + BLOCK]
                rest = block[:, held - held % BLOCK :]
                pending, held = [rest], rest.shape[1]
        samples += held
        self.duration_s = samples / RATE
        if held:
            yield np.concatenate(pending, axis=1)
        if self.duration_s < MIN_DURATION_S:
            raise RecordingError(
                f"{self.recording.path.name} 只有 {self.duration_s:.1f} 秒声音,太短,无法分析;"
                "如果原录音更长,文件可能已损坏 (too short to analyse)。"
            )

    def _pieces(self) -> Iterator[Samples]:
        import av

        layout = "mono" if self.channels == 1 else "stereo"
        resampler = av.AudioResampler(format="fltp", layout=layout, rate=RATE)
        silky = self.recording.container == "silk"
        frames = self._silk_frames() if silky else self._frames()
        for frame in frames:
            if isinstance(frame, float):  # a gap in the recording, in seconds
                for start in range(0, round(frame * RATE), BLOCK):
                    width = min(BLOCK, round(frame * RATE) - start)
                    yield np.zeros((self.channels, width), np.float32)
                continue
            try:
                made = resampler.resample(frame)
            except (av.error.FFmpegError, ValueError):
                # the layout changes midway: begin a new resampler with this frame
                resampler = av.AudioResampler(format="fltp", layout=layout, rate=RATE)
                try:
                    made = resampler.resample(frame)
                except (av.error.FFmpegError, ValueError):
                    self.damaged += 1
                    continue
            for out in made:
                yield out.to_ndarray().astype(np.float32, copy=False)
        for out in resampler.resample(None):
            yield out.to_ndarray().astype(np.float32, copy=False)

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
        """Yield decoded frames, and gaps between them as seconds."""
        import av

        clock: float | None = None  # the time at which what was yielded so far ends
        with _container(self.recording.path) as container:
            stream = container.streams.audio[0]
            stream.thread_type = "AUTO"
            if container.start_time is not None:  # sound may begin later than the picture
                clock = container.start_time / 1_000_000
            packets = container.demux(stream)
            while True:
                try:
                    packet = next(packets)
                except StopIteration:
                    return
                except (av.error.FFmpegError, ValueError, OSError):
                    self.damaged += 1
                    return  # the container itself is cut off: keep what was decoded
                try:
                    frames = packet.decode()
                except (av.error.FFmpegError, ValueError):
                    if _is_pause(stream.codec_context.name, packet.size):
                        continue
                    self.damaged += 1
                    if self.damaged > _MAX_BAD_PACKETS:
                        return
                    continue
                for frame in frames:
                    if not frame.samples or not frame.sample_rate:
                        continue
                    at = frame.time
                    if at is not None:
                        gap = 0.0 if clock is None else at - clock
                        if _GAP_S < gap < _MAX_GAP_S:
                            yield gap
                        # small gaps add up, but what overlaps a little cannot be taken back
                        if clock is None or gap > _GAP_S or gap < -_OVERLAP_S:
                            clock = at
                    if clock is not None:
                        clock += frame.samples / frame.sample_rate
                    frame.pts = None
                    yield frame


def _is_pause(codec: str, size: int) -> bool:
    """Tell AMR's "silence" and "nothing sent" frames, which FFmpeg cannot decode, from damage."""
    return codec == "amrnb" and size <= 6


_SURVEY_FRAME = RATE // 10
_DOMINANCE = 10 ** (6 / 10)  # 6 dB
_AUDIBLE = 1e-7  # mean power, -70 dBFS
_LEAK = 10 ** (-15 / 10)
_LEAK_MARGIN = 2.0


def survey(recording: Recording) -> Survey:
    """Tell true stereo (one person a channel) from doubled mono by which side is louder when.

    In a call recorded with one person a channel, each side is clearly louder than the other
    (here 6 dB, leakage included) for a good part of the time; in doubled mono, or one
    microphone on two channels, neither ever is.
    """
    if recording.channels != 2:
        return Survey("mono", (0,))
    powers: list[NDArray[np.float64]] = []
    for block in Decoder(recording):
        width = block.shape[1] // _SURVEY_FRAME * _SURVEY_FRAME
        if width:
            frames = block[:, :width].astype(np.float64).reshape(2, -1, _SURVEY_FRAME)
            powers.append((frames**2).mean(axis=2))
    if not powers:
        return Survey("mono", (None,))
    power = np.concatenate(powers, axis=1)
    floor = np.percentile(power, 10, axis=1, keepdims=True)
    heard = np.maximum(power - floor, 0.0)
    loud = heard.sum(axis=0) > max(_AUDIBLE, 0.02 * np.percentile(heard.sum(axis=0), 95))
    if not loud.any():
        return Survey("mono", (None,))
    left, right = heard[:, loud]
    left_leads = float(np.mean(left > _DOMINANCE * right))
    right_leads = float(np.mean(right > _DOMINANCE * left))
    if left_leads + right_leads > 0.5 and min(left_leads, right_leads) > 0.03:
        return Survey("stereo", (0, 1), (_leak(left, right), _leak(right, left)))
    if max(left_leads, right_leads) > 0.9:
        return Survey("one-sided", (0 if left_leads > right_leads else 1,))
    return Survey("mono", (None,))


def _leak(quiet: NDArray[np.float64], leading: NDArray[np.float64]) -> float:
    """Return the share of a channel's power below which the other holds nothing of its own.

    That is 15 dB less, or as much as leaks over in this recording where that is more.
    """
    leads = leading > _DOMINANCE * quiet
    usual = float(np.median(quiet[leads] / leading[leads])) if leads.any() else 0.0
    return min(max(_LEAK, _LEAK_MARGIN * usual), 1 / _DOMINANCE)

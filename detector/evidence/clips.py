"""Clips: the stretch of a recording around a flag, cut as stored wherever that can be done.

A clip is an aid to finding, never a substitute for the recording: it has no fades, no joins,
no change of loudness, and it says which stretch of the original it is. Where the format's
packets cannot be cut (SILK, FLAC, damaged files) it is a WAV of the decoded samples.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from detector.audio import Recording, open_recording
from detector.errors import RecordingError
from detector.evidence.clip_packets import Piece, Want, cut_packets
from detector.evidence.clip_samples import cut_samples
from detector.evidence.model import Clip
from detector.listening import LISTENING, write_listening_copy
from detector.output import write_error

__all__ = ["TIMES", "Range", "clock_name", "cut_clip", "cut_clips"]

TIMES = "{times}"
"""In a target's name: replaced by the clip's real start and end, as 0h12m03.4s-0h12m18.9s."""
CONTEXT_S = 8.0
Range = tuple[float, float, Path]
"""Start and end in seconds of the recording; where to, without suffix."""


def clock_name(seconds: float) -> str:
    """Return a time as it stands in file names: 723.42 -> 0h12m03.4s."""
    tenths = round(max(seconds, 0.0) * 10)
    hours, tenths = divmod(tenths, 36_000)
    minutes, tenths = divmod(tenths, 600)
    return f"{hours}h{minutes:02d}m{tenths / 10:04.1f}s"


def cut_clip(
    recording: Recording,
    start_s: float,
    end_s: float,
    target_stem: Path,
    context_s: float = CONTEXT_S,
) -> Clip:
    """Cut one clip; `cut_clips` cuts many in the time of one."""
    return cut_clips(recording, [(start_s, end_s, target_stem)], context_s)[0]


def cut_clips(
    recording: Recording, ranges: Sequence[Range], context_s: float = CONTEXT_S
) -> list[Clip]:
    """Cut clips of `ranges` with `context_s` seconds more on both sides, in one pass.

    Each is written beside its target's stem with the suffix of its format (and `TIMES` filled
    in), and so is its listening copy (stem + `LISTENING`). Nothing is left behind on failure.
    The recording is only read.

    Raises:
        RecordingError: a range lies wholly beyond the recording's end, or the recording cannot
            be read any more.
        OutputError: the disk is full, or the folder cannot be written.
    """
    wants = [
        Want(
            max(start - context_s, 0.0),
            max(end, start) + context_s,
            target.with_name(f".detector-{uuid4().hex[:12]}.part"),
        )
        for start, end, target in ranges
    ]
    made: list[Path] = []
    try:
        pieces = cut_packets(recording, wants)
        pieces |= cut_samples(
            recording, {i: want for i, want in enumerate(wants) if i not in pieces}
        )
        clips = []
        for index, (start, _, target) in enumerate(ranges):
            if index not in pieces:
                raise RecordingError(
                    f"{recording.path.name} 没有第 {start:.1f} 秒;录音与报告不符,请重新分析录音 "
                    "(the flag lies beyond the recording's end)。"
                )
            clips.append(_finish(pieces[index], wants[index].partial, target, made))
    except BaseException:
        for path in made:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        raise
    finally:
        for want in wants:
            with suppress(OSError):
                want.partial.unlink(missing_ok=True)
    return clips


def _finish(piece: Piece, partial: Path, target: Path, made: list[Path]) -> Clip:
    """Give a piece its name and make its listening copy."""
    import av

    times = f"{clock_name(piece.start_s)}-{clock_name(piece.end_s)}"
    stem = target.name.replace(TIMES, times)
    path = target.with_name(stem + piece.suffix)
    copy = target.with_name(stem + LISTENING)
    made += (path, copy)
    try:
        partial.replace(path)
        clip = open_recording(path)
        write_listening_copy(clip, copy)
        heard = open_recording(copy)
    except (OSError, av.error.FFmpegError) as error:
        raise write_error(error, path) from None
    return Clip(
        path.name,
        clip.sha256,
        clip.bytes,
        piece.start_s,
        piece.end_s,
        piece.method,
        copy.name,
        heard.sha256,
    )

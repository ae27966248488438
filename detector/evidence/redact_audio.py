"""Copies of clips in which numbers and names are not heard: silenced, and named 已遮盖.

Only copies: the clips of the case stay as they are. A copy is decoded and written anew (WAV
and mp3), since silence cannot be put into packets as they are stored.
"""

import hashlib
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from detector.audio import open_recording
from detector.errors import RecordingError
from detector.evidence.clip_samples import SUBTYPES, blocks_of
from detector.evidence.model import Case, Clip
from detector.evidence.redact import all_names, redacted, spoken
from detector.listening import LISTENING, write_listening_copy
from detector.output import write_error

__all__ = ["MASKED", "PAD_S", "redacted_with_clips", "silence_clip"]

MASKED = ".已遮盖"
PAD_S = 0.3
"""Silenced on both sides besides: a recogniser's word times are not more exact."""
Stretch = tuple[float, float]


def silence_clip(clip: Clip, folder: Path, stretches: Sequence[Stretch], target: Path) -> Clip:
    """Write a copy of a clip in `folder`, and of its listening copy, into the folder `target`.

    `stretches` are seconds of the recording. Where none of them touches the clip, both are
    copied as they are, under their own names.

    Raises:
        RecordingError: the clip is gone or is not as it was cut.
        OutputError: the disk is full, or the place cannot be written.
    """
    source = folder / clip.file
    here = [
        (start - PAD_S - clip.start_s, end + PAD_S - clip.start_s)
        for start, end in stretches
        if end + PAD_S > clip.start_s and start - PAD_S < clip.end_s
    ]
    recording = open_recording(source)
    if recording.sha256 != clip.sha256:
        raise RecordingError(
            f"{clip.file} 已被改动,请先运行 detector verify (the clip is not as it was cut)。"
        )
    made: list[Path] = []
    try:
        if not here:
            return _as_it_is(clip, folder, target, made)
        stem = Path(clip.listening).name.removesuffix(LISTENING) + MASKED
        path, copy = target / (stem + ".wav"), target / (stem + LISTENING)
        made += (path, copy)
        _write_silenced(source, here, path)
        written = open_recording(path)
        write_listening_copy(written, copy)
        heard = open_recording(copy)
    except BaseException as error:
        for path in made:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        if _is_of_disk(error):
            raise write_error(error, target) from None
        raise
    return replace(
        clip,
        file=path.name,
        sha256=written.sha256,
        bytes=written.bytes,
        method="samples",
        listening=copy.name,
        listening_sha256=heard.sha256,
    )


def _is_of_disk(error: BaseException) -> bool:
    import av

    # soundfile's errors are RuntimeErrors
    return isinstance(error, OSError | av.error.FFmpegError | RuntimeError | AssertionError)


def _as_it_is(clip: Clip, folder: Path, target: Path, made: list[Path]) -> Clip:
    for name, digest in ((clip.file, clip.sha256), (clip.listening, clip.listening_sha256)):
        made.append(target / name)
        shutil.copyfile(folder / name, target / name)
        with (target / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise RecordingError(f"{name} 已被改动 (the clip is not as it was cut)。")
    return clip


def _write_silenced(source: Path, stretches: Sequence[Stretch], path: Path) -> None:
    """Write the samples of a clip, zero within the stretches (its own seconds)."""
    import soundfile

    partial = path.with_name(f".detector-{uuid4().hex[:12]}.part")
    file, at = None, 0
    try:
        for block, rate in blocks_of(open_recording(source)):
            if file is None:
                subtype = SUBTYPES[block.dtype.name]
                file = soundfile.SoundFile(
                    partial, "w", rate, block.shape[1], subtype, format="WAV"
                )
            quiet = block.copy()
            for start, end in stretches:
                quiet[max(int(start * rate) - at, 0) : max(int(end * rate) + 1 - at, 0)] = 0
            file.write(quiet)
            at += len(block)
        if file is not None:
            file.close()
        partial.replace(path)
    finally:
        if file is not None:
            with suppress(Exception):
                file.close()
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def redacted_with_clips(case: Case, names: Sequence[str], target: Path) -> Case:
    """Return the redacted case, with copies of its clips written into the folder `target`.

    The clips are read from `clips/` of the case, which is left as it is.

    Raises:
        RecordingError: a clip is gone or is not as it was cut.
        OutputError: the disk is full, or the place cannot be written.
    """
    every = all_names(case, names)
    items = []
    for item in case.items:
        stretches = spoken(item, every)
        clips = {
            flag: silence_clip(clip, case.folder / "clips", stretches, target)
            for flag, clip in item.clips.items()
        }
        items.append(replace(item, clips=clips))
    return redacted(replace(case, items=tuple(items)), names)

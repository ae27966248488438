"""Pieces of a recording as WAV of its decoded samples, where packets cannot be cut.

One pass serves any number of pieces. Samples stay as the decoder gives them, at the original
rate and of all channels; nothing is mixed, filtered or made louder.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.audio import Decoder, Recording
from detector.evidence.clip_packets import Piece, Want
from detector.output import write_error

__all__ = ["SUBTYPES", "blocks_of", "cut_samples"]

_BLOCK = 1 << 16
SUBTYPES = {"int16": "PCM_16", "int32": "PCM_32", "float32": "FLOAT", "float64": "DOUBLE"}
_PACKED = {"u8": "s16", "s16": "s16", "s32": "s32", "flt": "flt", "dbl": "dbl"}
Block = NDArray[Any]


def cut_samples(recording: Recording, wants: Mapping[int, Want]) -> dict[int, Piece]:
    """Write the wanted stretches; those that lie beyond the end are left out.

    Raises:
        OutputError: the disk is full, or the place cannot be written.
        RecordingError: the recording cannot be opened any more.
    """
    if not wants:
        return {}
    files: dict[int, Any] = {}
    spans: dict[int, tuple[float, float]] = {}
    last = max(want.end_s for want in wants.values())
    at = 0
    try:
        for block, rate in blocks_of(recording):
            for index, want in wants.items():
                low = max(round(want.start_s * rate), 0)
                high = round(want.end_s * rate)
                part = block[max(low - at, 0) : max(high - at, 0)]
                if len(part):
                    if index not in spans:
                        files[index] = _open(want, rate, block)
                        spans[index] = (max(low, at) / rate, 0.0)
                    files[index].write(part)
                    spans[index] = (spans[index][0], min(high, at + len(block)) / rate)
                elif index in files and at >= high:
                    files.pop(index).close()
            at += len(block)
            if at >= last * rate:
                break
        while files:
            files.popitem()[1].close()
    except (OSError, RuntimeError, AssertionError) as error:  # soundfile's are RuntimeErrors
        place = next(iter(wants.values())).partial.parent
        raise write_error(error, place) from None
    finally:
        for file in files.values():
            with suppress(Exception):
                file.close()
    return {index: Piece(".wav", *span, "samples") for index, span in spans.items()}


def _open(want: Want, rate: int, block: Block) -> Any:
    import soundfile

    return soundfile.SoundFile(
        want.partial, "w", rate, block.shape[1], SUBTYPES[block.dtype.name], format="WAV"
    )


def blocks_of(recording: Recording) -> Iterator[tuple[Block, int]]:
    """Yield samples, shape (n, channels), and their rate: always that of the first frame."""
    import av

    # what a lossy decoder makes is no better for 32 bits, and many players do not open those
    keep = recording.codec.startswith("pcm_")
    resampler: Any = None
    target: dict[str, Any] = {}
    ahead = 0.0
    channels, kind = 1, np.dtype(np.int16)
    for frame in Decoder(recording).frames():
        if isinstance(frame, float):
            if not target:  # silence before the first sound
                ahead += frame
                continue
            yield from _silence(frame, target["rate"], channels, kind)
            continue
        if not target:
            name = _PACKED.get(frame.format.name.removesuffix("p"), "flt")
            target = {"format": name, "layout": frame.layout.name, "rate": frame.sample_rate}
            resampler = av.AudioResampler(**target)
            channels = frame.layout.nb_channels
        try:
            made = resampler.resample(frame)
        except (av.error.FFmpegError, ValueError):  # another rate or layout from here on
            resampler = av.AudioResampler(**target)
            try:
                made = resampler.resample(frame)
            except (av.error.FFmpegError, ValueError):
                continue
        for out in made:
            block = out.to_ndarray().reshape(-1, channels)
            if block.dtype.kind == "f":
                block = np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0)
                if not keep:
                    block = np.rint(block * 32_768).clip(-32_768, 32_767).astype(np.int16)
            kind = block.dtype
            if ahead:
                yield from _silence(ahead, target["rate"], channels, kind)
                ahead = 0.0
            yield block, target["rate"]


def _silence(seconds: float, rate: int, channels: int, kind: Any) -> Iterator[tuple[Block, int]]:
    left = round(seconds * rate)
    while left > 0:
        yield np.zeros((min(left, _BLOCK), channels), kind), rate
        left -= _BLOCK

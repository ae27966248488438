"""Opening a recording with FFmpeg so that it leads nowhere else and takes no more than it may.

A recording comes from strangers. It may name other files or addresses (playlists, reference
movies), hold picture codecs that are not needed, or claim tables of gigabytes.
"""

import ctypes
import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from detector.errors import RecordingError

__all__ = ["HIGHEST_RATE", "LOWEST_RATE", "can_decode", "container_of", "not_a_recording"]

# Playlists and other formats that point to further files or addresses are not in this list.
_FORMATS = (
    "wav,w64,mp3,mov,mp4,m4a,3gp,3g2,mj2,aac,amr,amrnb,amrwb,ogg,flac,asf,matroska,webm,"
    "caf,aiff,au,avi,mpegts,mpeg"
)
_SOUND = (
    "aac", "ac3", "adpcm_", "alac", "amr", "ape", "dss_sp", "eac3", "evrc", "flac", "g72", "g729",
    "gsm", "ilbc", "libopencore", "libopus", "mace", "mp1", "mp2", "mp3", "opus", "pcm_", "qcelp",
    "speex", "truespeech", "tta", "vorbis", "wavpack", "wma",
)  # fmt: skip
"""How the names of the codecs begin that recorders use; pictures and rarities stay unopened."""
LOWEST_RATE, HIGHEST_RATE = 2_000, 768_000
"""Hz. One byte at 1 Hz would be a second of sound: a small file would last for years."""
_MAX_ALLOCATION = 160 << 20
"""Bytes in one piece: an attached picture of 50 MB fits, a table of a billion entries does not."""


def not_a_recording(path: Path) -> RecordingError:
    """Return the sentence for what FFmpeg does not know or cannot read."""
    return RecordingError(
        f"{path.name} 不是能识别的录音文件,或文件已损坏;请从手机重新导出原始录音 "
        "(not a recognisable recording, or damaged)。"
    )


@cache
def _codecs() -> str:
    """Return the names of the decoders that may be used; sets FFmpeg's limits, once."""
    import av

    av.logging.set_level(None)
    places = (os.path.dirname(av.__file__), os.path.dirname(os.path.dirname(av.__file__)))
    for folder, name in ((places[1], "av.libs"), (places[0], ".dylibs"), (places[0], "")):
        for library in glob.glob(os.path.join(glob.escape(folder), name, "*avutil*")):
            # FFmpeg's own bound is 2 GiB; where the wheel is built otherwise that stays
            with suppress(OSError, AttributeError):
                ctypes.CDLL(library).av_max_alloc(ctypes.c_size_t(_MAX_ALLOCATION))
    return ",".join(sorted(name for name in av.codecs_available if name.startswith(_SOUND)))


def can_decode(codec: str) -> bool:
    """Tell whether a codec of FFmpeg is one that recorders use."""
    return codec in _codecs().split(",")


def _refuse(url: str, *_: object) -> Any:
    raise PermissionError(url)  # whatever a file names stays closed


@contextmanager
def container_of(path: Path) -> Iterator[Any]:
    """Open a recording with FFmpeg, read-only, so that it can lead to no other file or address.

    Raises:
        RecordingError: it cannot be opened, or is no recording.
    """
    import av

    options = {
        "format_whitelist": _FORMATS,
        "codec_whitelist": _codecs(),
        "protocol_whitelist": "none",  # FFmpeg is handed an open file and needs no protocol
    }
    try:
        opened = path.open("rb")
    except OSError as error:
        raise RecordingError(f"无法打开 {path}:{error} (cannot open)。") from None
    with opened as file:
        try:
            container = av.open(
                file, metadata_errors="replace", container_options=options, io_open=_refuse
            )
        except (av.error.FFmpegError, ValueError, OSError, OverflowError, MemoryError):
            raise not_a_recording(path) from None
        with container:
            yield container

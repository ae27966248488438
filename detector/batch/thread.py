"""Voice messages of one folder, read as one conversation in their order.

A WeChat or QQ thread is many short SILK files. Their order is told by the times in their names
where all have one, else by the names themselves, numbers read as numbers. Each message keeps
its own file and hash; the report says when in the conversation it begins and ends.
"""

import datetime as dt
import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from detector.audio import RATE, Decoder, open_recording
from detector.batch.discover import FoundFile
from detector.errors import RecordingError
from detector.report import Report
from detector.silk import RATE as SILK_RATE
from detector.silk import is_silk
from detector.started import started_from_name

__all__ = [
    "NAME", "Joined", "in_conversation", "in_order", "join", "thread_hash", "threads_of",
]  # fmt: skip

NAME = "语音对话"
"""What the report of a thread is called."""
GAP_S = 2.0
"""Between messages: long enough that nobody's sentence runs on into the next message."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A conversation put together: its messages' places in seconds, and those left out."""

    messages: tuple[dict[str, Any], ...]
    unusable: tuple[str, ...]
    duration_s: float
    bytes: int


def _natural(name: str) -> tuple[Any, ...]:
    return tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.split(r"(\d+)", name)
    )


def in_order(paths: Iterable[str]) -> list[str]:
    """Return the paths of messages in order."""
    paths = list(paths)
    times = _times(paths)
    if times:
        return [path for _, path in sorted(zip(times, paths, strict=True))]
    return sorted(paths, key=_natural)


def _times(paths: Sequence[str]) -> list[dt.datetime]:
    """Return the time in each name, nothing unless all have one."""
    named = [started_from_name(path.rpartition("/")[2]) for path in paths]
    times = [name.start for name in named if name]
    return times if len(times) == len(paths) else []


def threads_of(folder: Path, files: Iterable[FoundFile]) -> list[list[FoundFile]]:
    """Return the SILK files of each folder that holds more than one."""
    found: dict[str, list[FoundFile]] = {}
    for file in files:
        head = b""
        with suppress(OSError), open(os.fsencode(folder / file.path), "rb") as opened:
            head = opened.read(10)
        if is_silk(head):
            found.setdefault(file.path.rpartition("/")[0], []).append(file)
    return [group for group in found.values() if len(group) > 1]


def thread_hash(hashes: Sequence[str]) -> str:
    """Return the hash of a conversation: SHA-256 over its messages' in order, a line each."""
    return hashlib.sha256("".join(f"{sha}\n" for sha in hashes).encode()).hexdigest()


def join(paths: Sequence[Path], target: Path) -> Joined:
    """Put messages together in one wav file (16 kHz, mono) to be listened to.

    Raises:
        RecordingError: none of them can be used.
    """
    import av

    at, size = 0, 0
    messages: list[dict[str, Any]] = []
    unusable = []
    with av.open(str(target), "w", format="wav") as out:
        stream = out.add_stream("pcm_s16le", rate=RATE, layout="mono")

        def write(samples: Any) -> None:
            nonlocal at
            pcm = (np.clip(samples, -1, 1) * 32_767).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, at
            out.mux(stream.encode(frame))
            at += pcm.shape[1]

        for path in paths:
            start = at
            try:
                recording = open_recording(path)
                for block in Decoder(recording):
                    write(block.mean(axis=0))
            except RecordingError as error:
                if at == start:
                    unusable.append(str(error))
                    continue
            size += recording.bytes
            messages.append(
                {
                    "file": os.fsencode(path.name).decode("utf-8", "replace"),
                    "sha256": recording.sha256,
                    "bytes": recording.bytes,
                    "start_s": round(start / RATE, 2),
                    "end_s": round(at / RATE, 2),
                }
            )
            write(np.zeros(round(GAP_S * RATE), np.float32))
        out.mux(stream.encode(None))
    if not messages:
        raise RecordingError(f"没有一条语音可以解码:{unusable[0]} (no usable message)。")
    return Joined(tuple(messages), tuple(unusable), at / RATE, size)


def in_conversation(report: Report, joined: Joined, sha256: str, name: str) -> Report:
    """Return the report of a joined file as that of its messages.

    The messages stand in `settings.messages`: file, hash, and from where to where in seconds.
    """
    recording = replace(
        report.recording,
        file=name,
        sha256=sha256,
        bytes=joined.bytes,
        container="silk",
        codec="silk",
        sample_rate_hz=SILK_RATE,
    )
    count = len(joined.messages)
    order = "文件名里的时间" if _times([m["file"] for m in joined.messages]) else "文件名"
    notes = [
        f"由 {count} 条语音按{order}的先后连成,请核对顺序;每条之间加了 {GAP_S:.0f} 秒静音,"
        "各条的文件名、SHA-256 和位置见“设置与版本”。"
    ]
    notes += [f"有一条语音没有用上:{reason}" for reason in joined.unusable]
    warnings = (*notes, *(w for w in report.warnings if w not in notes))
    settings = {**report.settings, "messages": list(joined.messages)}
    return replace(report, recording=recording, settings=settings, warnings=warnings)

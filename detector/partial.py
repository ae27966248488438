"""What was recognised of a long recording so far, kept so that a stopped scan can go on.

One file a recording and setting in the user's cache, readable by the user alone: a first line
that says what it is, then a line for each window of speech. It is gone once the report is
written. What it holds is what the recogniser gave for exactly these samples, so that a resumed
report equals one made without a break.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from threading import Lock
from types import TracebackType
from typing import Any, Self

from detector import kept
from detector.audio import Recording
from detector.ghosts import Dropped
from detector.speech import Window
from detector.transcript import PLAIN, Change, Heard, Recogniser, Word

__all__ = ["Partial", "is_long"]

LONG_S = 600.0
_BYTES_PER_S = 500.0  # the most frugal phone codec: to tell length where the header does not
_FORMAT = 2


def is_long(recording: Recording) -> bool:
    """Tell whether a recording is so long that its transcript is kept while it is made."""
    if recording.duration_s is not None:
        return recording.duration_s > LONG_S
    return recording.bytes > LONG_S * _BYTES_PER_S


class Partial:
    """A recogniser that remembers. Without a usable cache it only recognises.

    Close it when the recording is done or given up.
    """

    def __init__(
        self, recogniser: Recogniser, recording: Recording, settings: Mapping[str, Any]
    ) -> None:
        self._recogniser = recogniser
        told = {"options": asdict(recogniser.options) | {"threads": 0}, **settings}
        key = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()
        path = kept.folder() / f"{recording.sha256[:32]}-{key[:16]}.jsonl"
        self._places: dict[str, int] = {}
        self.until_s = 0.0
        """Up to where the recording had been recognised when this was opened, in seconds."""
        self._file: int | None = None
        self._lock = Lock()
        with suppress(OSError):
            kept.prune()
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._file = os.open(path, flags, 0o600)
            self._read(recording)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Keep the file as it is."""
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file)
            self._file = None

    # ---------------------------------------------------------- as a recogniser

    @property
    def workers(self) -> int:
        return self._recogniser.workers

    def __call__(self, windows: Sequence[Window], change: Change = PLAIN) -> list[Heard]:
        """Recognise windows, or return what was recognised of them before."""
        keys = [_key(window, change) for window in windows]
        known = [self._heard(key, window) for key, window in zip(keys, windows, strict=True)]
        missing = [window for window, heard in zip(windows, known, strict=True) if heard is None]
        found = iter(self._recogniser(missing, change) if missing else ())
        result = []
        for key, window, before in zip(keys, windows, known, strict=True):
            heard = before or next(found)
            if before is None:
                self._write(
                    {
                        "key": key,
                        "until_s": round(window.original_time(len(window.samples)), 2),
                        "words": [[w.text, w.start_s, w.end_s, w.probability] for w in heard.words],
                        "dropped": [[d.start_s, d.end_s, d.text, d.reason] for d in heard.dropped],
                        "language": heard.language,
                    }
                )
            result.append(heard)
        return result

    def _heard(self, key: str, window: Window) -> Heard | None:
        if not (found := self._line(key)):
            return None
        return Heard(
            [
                Word(text, start_s, end_s, probability, window.channel)
                for text, start_s, end_s, probability in found["words"]
            ],
            [Dropped(*dropped) for dropped in found["dropped"]],
            found["language"],
        )

    # ---------------------------------------------------------- the file

    def _read(self, recording: Recording) -> None:
        assert self._file is not None
        head = {
            "format": _FORMAT,
            "recording": os.fsencode(recording.path.name).decode("utf-8", "replace"),
            "sha256": recording.sha256,
            "duration_s": recording.duration_s,
        }
        with os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(0)
            at, first, last = 0, True, b"\n"
            for last in file:
                entry = kept.parsed(last)
                if first and (entry is None or entry.get("sha256") != recording.sha256):
                    os.ftruncate(self._file, 0)
                    break
                if entry and "key" in entry:
                    self._places[str(entry["key"])] = at
                    self.until_s = max(self.until_s, float(entry.get("until_s", 0.0)))
                at += len(last)
                first = False
        if first:
            self._write(head)
        elif not last.endswith(b"\n"):  # it was killed as it wrote
            os.write(self._file, b"\n")

    def _line(self, key: str) -> dict[str, Any] | None:
        if self._file is None or key not in self._places:
            return None
        with suppress(OSError), os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(self._places[key])
            entry = kept.parsed(file.readline())
            if entry and entry.get("key") == key:
                return entry
        return None

    def _write(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        with self._lock:
            if self._file is None:
                return
            try:
                os.write(self._file, line)
                os.fsync(self._file)
            except OSError:  # a full disk costs only the way back
                self.close()


def _key(window: Window, change: Change) -> str:
    digest = hashlib.blake2b(window.samples.tobytes(), digest_size=16)
    digest.update(repr((window.channel, window.map, window.doubtful, change)).encode())
    return digest.hexdigest()

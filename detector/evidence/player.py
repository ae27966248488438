"""Playing a piece of sound in the terminal, with whatever player the machine has."""

import shutil
import subprocess
import sys
import tempfile
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detector.audio import RATE, Decoder, open_recording
from detector.errors import DetectorError

__all__ = ["PLAYERS", "Piece", "play", "write_wav"]

PLAYERS: tuple[tuple[str, ...], ...] = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "quiet"),
    ("mpv", "--no-video", "--really-quiet", "--no-terminal"),
    ("afplay",),
    ("paplay",),
    ("aplay", "-q"),
)
"""Tried in this order; each is given a 16-bit WAV file as its last word."""
_LONGEST_S = 600.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a sound file, in seconds of that file; to its end where `end_s` is None."""

    file: Path
    start_s: float = 0.0
    end_s: float | None = None


def write_wav(piece: Piece, target: Path) -> None:
    """Write a piece as mono WAV, 16 kHz, at most ten minutes of it.

    Raises:
        RecordingError: the file cannot be read as sound.
        OSError: it cannot be written.
    """
    begin = round(piece.start_s * RATE)
    end = begin + round(_LONGEST_S * RATE)
    if piece.end_s is not None:
        end = min(end, round(piece.end_s * RATE))
    at = 0
    with wave.open(str(target), "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        for block in Decoder(open_recording(piece.file)):
            width = block.shape[1]
            part = block[:, max(0, begin - at) : max(0, end - at)]
            if part.shape[1]:
                out.writeframes((part.mean(axis=0) * 32767).astype(np.int16).tobytes())
            at += width
            if at >= end:
                break


def play(piece: Piece, players: Sequence[Sequence[str]] = PLAYERS) -> bool:
    """Play a piece and wait for its end; Ctrl-C ends the sound only. False if nothing plays it."""
    commands = [(found, *rest) for name, *rest in players if (found := shutil.which(name))]
    system = _windows_player()
    if not commands and system is None:
        return False
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        sound = Path(folder) / "piece.wav"
        try:
            write_wav(piece, sound)
        except (DetectorError, OSError):
            return False
        try:
            if system is not None and system(sound):
                return True
            return any(_run([*command, str(sound)]) for command in commands)
        except KeyboardInterrupt:
            return True


def _run(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0


def _windows_player() -> Callable[[Path], bool] | None:
    if sys.platform != "win32":
        return None

    def system(sound: Path) -> bool:  # pragma: no cover
        import winsound

        try:
            winsound.PlaySound(str(sound), winsound.SND_FILENAME)
        except RuntimeError:
            return False
        return True

    return system

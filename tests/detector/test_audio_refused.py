"""What is no recording is refused with one sentence."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.audio import Decoder, open_recording
from detector.errors import RecordingError

Maker = Callable[[Path, Any], Path]


def _missing(folder: Path, _: Any) -> Path:
    return folder / "没有.m4a"


def _folder(folder: Path, _: Any) -> Path:
    return folder


def _of(name: str, data: bytes) -> Maker:
    def make(folder: Path, _: Any) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def _no_moov(folder: Path, sounds: Any) -> Path:
    path: Path = sounds.encode(folder / "x.m4a", "m4a", sounds.tone(3.0)[None], 16_000)
    path.write_bytes(path.read_bytes()[:-2_000])
    return path


def _silent_film(folder: Path, _: Any) -> Path:
    import av

    with av.open(str(folder / "x.mp4"), "w") as out:
        video = out.add_stream("mpeg4", rate=5)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        for _number in range(10):
            out.mux(video.encode(av.VideoFrame(64, 64, "yuv420p")))
        out.mux(video.encode(None))
    return folder / "x.mp4"


def _short(folder: Path, sounds: Any) -> Path:
    made: Path = sounds.encode(folder / "x.wav", "wav-16", sounds.tone(0.2)[None], 16_000)
    return made


def _no_samples(folder: Path, sounds: Any) -> Path:
    (folder / "x.wav").write_bytes(sounds.wav_bytes(np.zeros((1, 0), np.float32), 8_000))
    return folder / "x.wav"


def _fifo(folder: Path, _: Any) -> Path:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no FIFOs here")
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def _link(target: str) -> Maker:
    def make(folder: Path, _: Any) -> Path:
        try:
            (folder / "link").symlink_to(folder / target)
        except OSError:
            pytest.skip("no symbolic links here")
        return folder / "link"

    return make


def _unreadable(folder: Path, sounds: Any) -> Path:
    if not hasattr(os, "geteuid") or os.geteuid() == 0:
        pytest.skip("root may read everything")
    path: Path = sounds.encode(folder / "x.wav", "wav-16", sounds.tone(1.0)[None], 16_000)
    path.chmod(0)
    return path


def _playlist(text: str, name: str) -> Maker:
    def make(folder: Path, sounds: Any) -> Path:
        target = sounds.encode(folder / "secret.m4a", "m4a", sounds.tone(2.0)[None], 16_000)
        (folder / name).write_text(text.format(target), "utf-8")
        return folder / name

    return make


_HLS = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:5\n#EXTINF:2.0,\n{}\n#EXT-X-ENDLIST\n"
_REFUSED: dict[str, tuple[Maker, str]] = {
    "missing": (_missing, "file not found"),
    "folder": (_folder, "a folder"),
    "empty": (_of("x.mp3", b""), "empty file"),
    "text": (_of("x.mp3", "这不是录音。\n".encode() * 80), "not a recognisable recording"),
    "zeros": (_of("x.amr", bytes(20_000)), "not a recognisable recording"),
    "noise": (
        _of("x.m4a", np.random.default_rng(0).bytes(20_000)), "not a recognisable recording"
    ),
    "picture": (_of("x.m4a", b"\x89PNG\r\n\x1a\n" + bytes(500)), "not a recognisable recording"),
    "no-moov": (_no_moov, "not a recognisable recording"),
    "silk-head": (_of("x.silk", b"\x02#!SILK_V3"), "too short"),
    "amr-head": (_of("x.amr", b"#!AMR\n"), "too short"),
    "film": (_silent_film, "no audio track"),
    "short": (_short, "too short"),
    "no-samples": (_no_samples, "too short"),
    "fifo": (_fifo, "not a regular file"),
    "device": (lambda *_: Path(os.devnull), "not a regular file"),
    "dangling": (_link("gone.m4a"), "file not found"),
    "circular": (_link("link"), "cannot open"),
    "unreadable": (_unreadable, "permission denied"),
    "m3u8": (_playlist(_HLS, "x.m3u8"), "not a recognisable recording"),
    "m3u8-as-mp3": (_playlist(_HLS, "x.mp3"), "not a recognisable recording"),
    "concat": (_playlist("ffconcat version 1.0\nfile '{}'\n", "x.txt"), "not a recognisable"),
    "concat-as-wav": (_playlist("ffconcat version 1.0\nfile '{}'\n", "x.wav"), "not a recog"),
}  # fmt: skip


@pytest.mark.parametrize("case", _REFUSED)
def test_refused_with_one_sentence(tmp_path: Path, sounds: Any, case: str) -> None:
    make, reason = _REFUSED[case]
    path = make(tmp_path, sounds)
    with pytest.raises(RecordingError) as caught:
        list(Decoder(open_recording(path)))
    message = str(caught.value)
    assert reason in message
    assert path.name in message
    assert "\n" not in message
    assert message.endswith("。")


@pytest.mark.parametrize("length", [1, 8, 24, 44, 80, 200])
@pytest.mark.parametrize("form", ["wav-16", "m4a", "mp3", "ogg-opus", "amr", "flac"])
def test_a_mere_beginning_is_refused(tmp_path: Path, sounds: Any, form: str, length: int) -> None:
    rate = sounds.forms[form].rates[0]
    path = sounds.encode(tmp_path / "x", form, sounds.tone(1.0, rate)[None], rate)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(RecordingError):
        list(Decoder(open_recording(path)))

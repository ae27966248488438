"""A recording that names other files or addresses leads to neither: nothing else is touched."""

import ctypes
import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_files import Whole, box, id3, rebuild

from detector.audio import Decoder, open_recording
from detector.errors import RecordingError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="watches files with inotify")

_OPENED_OR_READ = 0x21  # IN_OPEN | IN_ACCESS


class Bait:
    """A file and an address that nobody may touch."""

    def __init__(self, folder: Path, data: bytes) -> None:
        self.path = folder / "secret.m4a"
        self.path.write_bytes(data)
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.setblocking(False)
        self.address = f"http://127.0.0.1:{self._server.getsockname()[1]}/secret.m4a"
        self._library = ctypes.CDLL(None, use_errno=True)
        self._watch = self._library.inotify_init1(os.O_NONBLOCK)
        added = self._library.inotify_add_watch(
            self._watch, os.fsencode(self.path), _OPENED_OR_READ
        )
        assert self._watch >= 0 and added >= 0

    def touched(self) -> list[str]:
        found = []
        try:
            os.read(self._watch, 4096)
            found.append("file")
        except BlockingIOError:
            pass
        try:
            self._server.accept()[0].close()
            found.append("address")
        except BlockingIOError:
            pass
        return found

    def close(self) -> None:
        os.close(self._watch)
        self._server.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, sounds: Any) -> Whole:
    return Whole(tmp_path_factory.mktemp("wholes"), sounds)


@pytest.fixture
def bait(tmp_path: Path, whole: Whole) -> Iterator[Bait]:
    made = Bait(tmp_path, whole.of("m4a"))
    yield made
    made.close()


# ---------------------------------------------------------------- files that name others

Lure = Callable[[Whole, str], bytes]


def text(content: str) -> Lure:
    return lambda _, target: content.format(target).encode()


def reference(kind: bytes, target: str) -> bytes:
    """Return a `dref` entry that says the sound lies elsewhere."""
    name = target.encode()
    if kind != b"alis":
        return box(kind, bytes(4), name, b"\0")
    name = b"/" * (len(name) % 2) + name
    alias = bytes(150) + struct.pack(">HH", 2, len(name)) + name
    return box(kind, bytes(4), alias, struct.pack(">HH", 0xFFFF, 0))


def elsewhere(kind: bytes) -> Lure:
    """An m4a whose sound is in another file."""

    def make(whole: Whole, target: str) -> bytes:
        def change(found: bytes, _: bytes) -> bytes | None:
            if found != b"dref":
                return None
            return box(b"dref", struct.pack(">II", 0, 1), reference(kind, target))

        return rebuild(whole.of("m4a"), change)

    return make


def reference_movie(_: Whole, target: str) -> bytes:
    rdrf = box(b"rdrf", struct.pack(">I4sI", 0, b"url ", len(target) + 1), target.encode(), b"\0")
    return box(b"ftyp", b"qt  \0\0\2\0qt  ") + box(b"moov", box(b"rmra", box(b"rmda", rdrf)))


def tagged(whole: Whole, target: str) -> bytes:
    where = target.encode()
    linked = b"\0-->\0\3\0" + where
    return id3((b"APIC", linked), (b"WOAF", where), (b"LINK", b"TIT2" + where)) + whole.of("mp3")


def before_sound(head: str) -> Lure:
    """A playlist with sound behind it, so that it may pass for a recording."""
    return lambda whole, target: head.format(target).encode() + whole.of("mp3")


def wide(content: str) -> Lure:
    return lambda _, target: b"\xff\xfe" + content.format(target).encode("utf-16-le")


LURES: dict[str, Lure] = {
    "m3u": text("#EXTM3U\n#EXTINF:2,x\n{}\n"),
    "m3u8": text(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:5\n#EXTINF:2.0,\n{}\n#EXT-X-ENDLIST\n"
    ),
    "m3u8 with a map": text(
        '#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXT-X-MAP:URI="{0}"\n#EXTINF:2.0,\n{0}\n'
    ),
    "m3u8 with a key": text(
        '#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXT-X-KEY:METHOD=AES-128,URI="{0}"\n#EXTINF:2.0,\n{0}\n'
    ),
    "m3u8 of m3u8": text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{}\n"),
    "m3u8 before mp3": before_sound("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:2.0,\n{}\n"),
    "m3u8 in utf-16": wide("#EXTM3U\n#EXTINF:2.0,\n{}\n"),
    "ffconcat": text("ffconcat version 1.0\nfile '{}'\n"),
    "concat script": text("file '{}'\n"),
    "dash": text(
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
        '<Period><AdaptationSet mimeType="audio/mp4"><Representation id="1" bandwidth="1">'
        "<BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>"
    ),
    "smil": text('<smil><body><audio src="{}"/></body></smil>'),
    "xspf": text(
        '<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList>'
        "<track><location>{}</location></track></trackList></playlist>"
    ),
    "asx": text('<asx version="3.0"><entry><ref href="{}"/></entry></asx>'),
    "pls": text("[playlist]\nFile1={}\nNumberOfEntries=1\nVersion=2\n"),
    "shortcut": text("[InternetShortcut]\nURL={}\n"),
    "webloc": text('<plist version="1.0"><dict><key>URL</key><string>{}</string></dict></plist>'),
    "desktop": text("[Desktop Entry]\nType=Link\nURL={}\n"),
    "ram": text("{}\n"),
    "sdp": text("v=0\no=- 0 0 IN IP4 127.0.0.1\ns={0}\nc=IN IP4 127.0.0.1\nt=0 0\n"
                "m=audio 5004 RTP/AVP 0\na=control:{0}\n"),
    "rtsp": text("RTSPtext\nrtsp{}\n"),
    "asf reference": text("[Reference]\nRef1={}\n"),
    "ismv manifest": text('<SmoothStreamingMedia><StreamIndex Url="{}"/></SmoothStreamingMedia>'),
    "cue sheet": text('FILE "{}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n'),
    "imf": text('<AssetMap xmlns="http://www.smpte-ra.org/schemas/429-9/2007/AM"><Path>{}</Path>'
                "</AssetMap>"),
    "svg": text('<svg xmlns="http://www.w3.org/2000/svg"><image href="{}"/></svg>'),
    "xml entity": text('<!DOCTYPE x [<!ENTITY e SYSTEM "{}">]><x>&e;</x>'),
    "graph script": text("amovie={}\n"),
    "reference movie": reference_movie,
    "sound elsewhere, by address": elsewhere(b"url "),
    "sound elsewhere, by alias": elsewhere(b"alis"),
    "sound elsewhere, by name": elsewhere(b"urn "),
    "tags with addresses": tagged,
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".m4a", ".m3u8"])
@pytest.mark.parametrize("name", LURES)
def test_what_a_file_names_stays_closed(
    name: str, suffix: str, tmp_path: Path, whole: Whole, bait: Bait
) -> None:
    targets = (bait.address, str(bait.path), bait.path.name, f"file:{bait.path}",
               f"concat:{bait.path}|{bait.path}", f"crypto:{bait.path}", f"cache:{bait.address}",
               f"async:{bait.address}", f"subfile,,start,0,end,9,,:{bait.path}")  # fmt: skip
    for number, target in enumerate(targets):
        path = tmp_path / f"{number}{suffix}"
        path.write_bytes(LURES[name](whole, target))
        try:
            recording = open_recording(path)
            list(Decoder(recording))
        except RecordingError:
            pass
        assert bait.touched() == [], target


def test_the_bait_would_be_noticed(bait: Bait) -> None:
    bait.path.read_bytes()
    socket.create_connection(("127.0.0.1", int(bait.address.split(":")[2].split("/")[0]))).close()
    assert bait.touched() == ["file", "address"]


@pytest.mark.parametrize("name", ["m3u8", "ffconcat", "sound elsewhere, by alias"])
def test_the_lures_would_work_elsewhere(
    name: str, tmp_path: Path, whole: Whole, bait: Bait
) -> None:
    """What the test above is worth: the same files, opened without care, touch the bait."""
    import av

    target = {"m3u8": bait.address, "ffconcat": bait.path.name}.get(name, str(bait.path))
    path = tmp_path / "a.m3u8"
    path.write_bytes(LURES[name](whole, target))
    options = {"allowed_extensions": "ALL", "safe": "0", "enable_drefs": "1",
               "use_absolute_path": "1", "timeout": "200000",
               "extension_picky": "0",
               "protocol_whitelist": "file,http,tcp,crypto,data,subfile"}  # fmt: skip
    try:
        with av.open(str(path), container_options=options, timeout=0.5) as container:
            list(container.decode(audio=0))
    except (av.error.FFmpegError, IndexError):
        pass
    assert bait.touched()

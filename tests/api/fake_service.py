"""A stand-in for the service, for tests of the page alone: same addresses, invented calls.

What a recording is called decides what becomes of it: `urgent…`, `quiet…`, `hostile…`, `bad…`
(fails), `slow…` (does not finish by itself).
"""

import io
import json
import re
import threading
import time
import zipfile
from email.parser import BytesParser
from email.policy import HTTP
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import fake_calls

PAGE = Path(__file__).parents[2] / "api" / "page"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}  # fmt: skip
NOW = "2026-03-06T01:20:00Z"
sound = cache(fake_calls.sound)


def _kind(name: str) -> str:
    return next((k for k in ("urgent", "quiet", "hostile", "bad", "slow") if k in name), "plain")


class State:
    """What the service keeps; `key` is the one it asks for, None for none."""

    def __init__(self) -> None:
        self.recordings: dict[str, dict[str, Any]] = {}
        self.reviews: dict[str, dict[str, Any]] = {}
        self.fields: dict[str, dict[str, str]] = {}
        self.key: str | None = None
        self.cookies = True
        self.events = True
        self.asked: list[str] = []
        self.ranges: list[str] = []
        self.refuse: dict[str, dict[str, Any]] = {}
        self.hurry = 0.05
        self.changed = threading.Condition()

    def add(self, name: str, state: str = "queued", **changed: Any) -> dict[str, Any]:
        """Take a recording in; from `queued` on it proceeds by itself."""
        number = f"rec{len(self.recordings) + 1:04}"
        made = {
            "id": number, "name": name, "state": state, "progress": None, "queue_position": 1,
            "created_at": NOW, "finished_at": None, "expires_at": None, "bytes": 991_500,
            "duration_s": None, "counts": None, "urgent": False, "error": None, "links": {},
        } | changed  # fmt: skip
        self.recordings[number] = made
        if state == "queued":
            threading.Thread(target=self._work, args=(number,), daemon=True).start()
        elif state == "done":
            self._finish(number)
        return made

    def change(self, number: str, **changed: Any) -> bool:
        with self.changed:
            if number not in self.recordings:
                return False
            self.recordings[number] |= changed
            self.changed.notify_all()
        return True

    def _finish(self, number: str) -> None:
        name = self.recordings[number]["name"]
        made = fake_calls.review(name, _kind(name))
        self.reviews[number] = made
        marked = [flag["decision"] == "flagged" for flag in made["flags"]]
        self.change(
            number, state="done", finished_at=NOW, duration_s=fake_calls.DURATION_S,
            counts={"flag": sum(marked), "review": len(marked) - sum(marked)},
            urgent=any(flag["urgent"] for flag in made["flags"]), queue_position=None,
        )  # fmt: skip

    def _work(self, number: str) -> None:
        kind, total = _kind(self.recordings[number]["name"]), fake_calls.DURATION_S
        time.sleep(self.hurry)
        for step, done in (("read", 0.0), ("transcribe", 12.0), ("transcribe", 38.0)):
            progress = {"step": step, "done_s": done, "total_s": total}
            if not self.change(number, state="running", progress=progress, queue_position=None):
                return
            time.sleep(self.hurry)
        if kind == "slow":
            return
        if kind == "bad":
            problem = {
                "type": "about:blank", "title": "Unprocessable", "status": 422,
                "detail": "不是能识别的录音文件,或文件已损坏;请从手机重新导出原始录音。",
                "detail_en": "Not a recognisable recording, or damaged. Export it again.",
            }  # fmt: skip
            self.change(number, state="failed", error=problem)
            return
        self._finish(number)


class Handler(BaseHTTPRequestHandler):
    """One request. Subclassed with a `state` for each server."""

    state: State
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    # -------------------------------------------------------------- answers

    def answer(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def json(self, data: Any, status: int = 200) -> None:
        self.answer(status, json.dumps(data, ensure_ascii=False).encode(), "application/json")

    def problem(self, status: int, detail: str, english: str) -> None:
        data = {"type": "about:blank", "title": english, "status": status, "detail": detail,
                "detail_en": english, "instance": self.path}  # fmt: skip
        body = json.dumps(data, ensure_ascii=False).encode()
        self.answer(status, body, "application/problem+json")

    def gone(self) -> None:
        self.problem(404, "没有这个录音。", "No such recording.")

    def body(self) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        data = self.rfile.read(length)
        if len(data) < length:
            raise ConnectionAbortedError("broken off")
        return data

    # -------------------------------------------------------------- requests

    def handle_one(self, method: str) -> None:
        address = urlsplit(self.path)
        self.query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        state, path = self.state, address.path
        state.asked.append(f"{method} {self.path}")
        data = self.body()
        if path == "/" or path.startswith("/page/"):
            return self.page(path)
        if path == "/v1/health":
            return self.json({"status": "ok", "version": "0", "max_bytes": 2 << 30,
                              "max_seconds": 36000, "retention_days": 30})  # fmt: skip
        for pattern, refusal in state.refuse.items():
            if re.fullmatch(pattern, f"{method} {path}"):
                return self.problem(refusal["status"], refusal["detail"], refusal["detail_en"])
        if state.key and not self.allowed(method):
            return self.problem(401, "需要访问密钥。", "A key is needed.")
        if path == "/v1/session":
            if not state.cookies:
                return self.problem(404, "没有。", "None.")
            value = state.key if method == "POST" else "; Max-Age=0"
            return self.answer(204, b"", "text/plain", Set_Cookie=(
                f"detector_read={value}; HttpOnly; SameSite=Strict; Path=/v1"))  # fmt: skip
        if path == "/v1/text":
            return self.json(fake_calls.marking(json.loads(data)["text"]))
        if path == "/v1/recordings":
            if method == "POST":
                return self.upload(data)
            items = [*state.recordings.values()][::-1]
            return self.json({"items": items, "next": None})
        match = re.fullmatch(r"/v1/recordings/(\w+)(?:/(\w+))?(?:/(\w+))?", path)
        if not match or match[1] not in state.recordings:
            return self.gone()
        return self.recording(method, *match.groups(), data)

    def do_GET(self) -> None:
        self.handle_one("GET")

    def do_POST(self) -> None:
        self.handle_one("POST")

    def do_PATCH(self) -> None:
        self.handle_one("PATCH")

    def do_DELETE(self) -> None:
        self.handle_one("DELETE")

    def allowed(self, method: str) -> bool:
        if self.headers.get("Authorization") == f"Bearer {self.state.key}":
            return True
        cookie = f"detector_read={self.state.key}" in (self.headers.get("Cookie") or "")
        return cookie and method == "GET"

    def page(self, path: str) -> None:
        file = PAGE / ("index.html" if path == "/" else path.removeprefix("/page/"))
        if not file.is_file() or file.parent != PAGE:
            return self.gone()
        return self.answer(200, file.read_bytes(), TYPES[file.suffix])

    def upload(self, data: bytes) -> None:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        fields, name = {}, ""
        for part in BytesParser(policy=HTTP).parsebytes(head + data).iter_parts():
            key = part.get_param("name", header="content-disposition")
            if key == "file":
                name = part.get_filename() or ""
            else:
                fields[str(key)] = (part.get_payload(decode=True) or b"").decode()
        for known in self.state.recordings.values():
            if known["name"] == name:
                return self.json(known)
        made = self.state.add(name)
        self.state.fields[made["id"]] = fields
        self.json(made, 202)

    def recording(
        self, method: str, number: str, what: str | None, which: str | None, data: bytes
    ) -> None:
        state = self.state
        if what is None:
            if method == "DELETE":
                with state.changed:
                    del state.recordings[number]
                    state.changed.notify_all()
                return self.answer(204, b"", "text/plain")
            return self.json(state.recordings[number])
        if what == "events":
            return self.stream(number)
        if what == "waveform":
            return self.json(fake_calls.waveform())
        if what == "audio":
            return self.ranged(sound())
        review = state.reviews.get(number)
        if review is None:
            return self.problem(409, "还没有分析完。", "Not done yet.")
        if what == "review":
            return self.json(review)
        if what == "report":
            return self.answer(200, b"report", "text/plain", Content_Disposition=(
                f'attachment; filename="report.{self.query.get("format", "json")}"'))  # fmt: skip
        if what == "evidence":
            return self.answer(
                200,
                _zip(),
                "application/zip",
                Content_Disposition=(
                    "attachment; filename=\"evidence.zip\"; filename*=UTF-8''%E8%AF%81%E6%8D%AE.zip"
                ),
            )
        return self.decide(review, what, which, json.loads(data))

    def decide(
        self, review: dict[str, Any], what: str, which: str | None, wish: dict[str, Any]
    ) -> None:
        if not wish.get("by"):
            return self.problem(422, "请给出复核人姓名。", "Who decides?")
        if what == "flags" and which is None:
            said = next(u for u in review["utterances"] if u["id"] == wish["utterance_ids"][0])
            review["flags"].append({
                **fake_calls.review("")["flags"][0], **wish, "id": "H1", "origin": "human",
                "why": [], "status": "confirmed", "quote": said["text"], "start_s": said["start_s"],
                "end_s": said["end_s"], "speaker": said["speaker"], "role": said["role"],
                "score": 1.0, "decision": "flagged", "decided_at": NOW, "urgent": False,
            })  # fmt: skip
            return self.json(review["flags"][-1], 201)
        if what == "flags":
            flag = next(f for f in review["flags"] if f["id"] == which)
            flag |= {"status": wish["status"], "by": wish["by"], "decided_at": NOW}
            return self.json(flag)
        if what == "speakers":
            for one in (*review["speakers"], *review["utterances"], *review["flags"]):
                if one.get("speaker", one["id"]) == which:
                    one["role"] = wish["role"]
            return self.json({})
        said = next(u for u in review["utterances"] if u["id"] == which)
        if "text" in wish:
            said["corrected_text"] = None if wish["text"] == said["text"] else wish["text"]
        if "speaker" in wish:
            said["speaker"] = wish["speaker"]
        for flag in review["flags"]:
            if which in flag["utterance_ids"]:
                flag["corrected_text"], flag["speaker"] = said["corrected_text"], said["speaker"]
        return self.json({"utterance": said, "flags": []})

    def stream(self, number: str) -> None:
        if not self.state.events:
            return self.problem(500, "坏了。", "Broken.")
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b": ping\n\n")
        last = None
        while number in self.state.recordings:
            now = json.dumps(self.state.recordings[number])
            if now != last:
                self.wfile.write(f"event: state\ndata: {now}\n\n".encode())
                self.wfile.flush()
                last = now
            if json.loads(now)["state"] in ("done", "failed"):
                break
            with self.state.changed:
                self.state.changed.wait(0.2)
        self.close_connection = True

    def ranged(self, data: bytes) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if not asked:
            return self.answer(200, data, "audio/wav", Accept_Ranges="bytes")
        self.state.ranges.append(asked[0])
        first, last = int(asked[1]), int(asked[2] or len(data) - 1)
        part = data[first : last + 1]
        return self.answer(
            206, part, "audio/wav", Accept_Ranges="bytes",
            Content_Range=f"bytes {first}-{first + len(part) - 1}/{len(data)}",
        )  # fmt: skip


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("manifest.json", "{}")
    return out.getvalue()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Browsers break connections off when a view is left: nothing to tell."""


class FakeService:
    """A server on a free port of this machine; `with FakeService() as service: service.url`."""

    def __init__(self, port: int = 0) -> None:
        self.state = State()
        handler = type("Bound", (Handler,), {"state": self.state})
        self.server = _Server(("127.0.0.1", port), handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> "FakeService":
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

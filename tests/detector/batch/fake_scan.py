"""A scanner that obeys the file it is given: the body of a recording says what is to happen.

A recording is ``#!AMR\\n`` and a JSON object: `say` (utterances as [role, text]), `flags` (as
[category, subtype, severity]), `sleep_s`, `do` (crash, hang, bad, full, grow), `duration_s`,
`created_at`.
"""

import hashlib
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from detector.audio import Recording
from detector.batch.settings import key_of_options
from detector.batch.task import Config, Task
from detector.errors import OutputError, RecordingError
from detector.report import (
    Flag,
    RecordingFacts,
    Report,
    Speaker,
    StartedAt,
    Utterance,
)
from detector.whisper_models import resolve

HEAD = b"#!AMR\n"


def recording(path: Path, **orders: Any) -> Path:
    """Write a recording that the fake scanner understands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(HEAD + json.dumps(orders, ensure_ascii=False).encode())
    return path


def make_report(path: Path, data: bytes, settings: dict[str, Any]) -> Report:
    orders = json.loads(data[len(HEAD) :])
    said = orders.get("say") or [["collector", "你好"], ["debtor", "你好"]]
    utterances = tuple(
        Utterance(f"U{n}", n * 2.0, n * 2.0 + 1.5, role[0].upper(), role, text, text, False, (), {})
        for n, (role, text) in enumerate(said, 1)
    )
    flags = tuple(
        Flag(f"F{n}", category, subtype, 2.0, 3.5, said[0][1], ("U1",), "C", "collector", 0.9,
             "flagged", "unreviewed", "machine", severity, ())
        for n, (category, subtype, severity) in enumerate(orders.get("flags", []), 1)
    )  # fmt: skip
    roles = dict.fromkeys(role for role, _ in said)
    return Report(
        recording=RecordingFacts(
            path.name, hashlib.sha256(data).hexdigest(), len(data),
            float(orders.get("duration_s", 60.0)), "amr", "amrnb", 8_000, 1, "mono",
            StartedAt(None, None, None),
        ),
        settings=settings,
        listener={"role": "debtor", "confidence": 0.9, "source": "inferred"},
        speakers=tuple(Speaker(r[0].upper(), r, 0.9, "inferred", None, 3.0) for r in roles),
        utterances=utterances,
        flags=flags,
    )  # fmt: skip


def settings_for(config: Config) -> dict[str, Any]:
    """Return settings as a real scan writes them."""
    from detector.artifacts import artifact_hash, folder
    from detector.batch.settings import program
    from detector.classify import settings_of
    from detector.scan import ARTIFACTS
    from detector.second_look import SECOND_LOOK

    record = json.loads((folder() / "words.json").read_text("utf-8"))
    (model,) = [m for m in record["models"].values() if "calibration" in m]
    options = config.options
    used = settings_of(model).with_thresholds(options.thresholds)
    settings = {
        "whisper_model": "base",
        "whisper_sha256": resolve(options.whisper_model).sha256,
        "beam_size": options.beam_size,
        "collector": list(options.collector),
        "listener": options.listener,
        "script": options.script,
        "second_look": SECOND_LOOK if options.second_look else [],
        "thresholds": dict(used.thresholds),
        "models": {name: artifact_hash(name) for name in ARTIFACTS},
        "versions": {"harassment-detector": program()},
    }
    assert key_of_options(options, settings["whisper_sha256"])
    return settings


class FakeTask(Task):
    """The real task, but for what needs sound."""

    def _open(self, path: Path, report: Report) -> Recording:
        data = path.read_bytes()
        orders = json.loads(data[len(HEAD) :])
        sha256 = hashlib.sha256(data).hexdigest()
        facts = report.recording
        return Recording(path, sha256, len(data), facts.container, facts.codec, 8_000, 1,
                         facts.duration_s, orders.get("created_at"))  # fmt: skip

    def _sound(self, recording: Recording) -> bytes:
        return b""


def load(config: Config) -> Task:
    """Return the task, counting each scan in the file that `FAKE_SCANS` names."""
    settings = settings_for(config)

    def scan(path: Path, step: Any) -> Report:
        data = path.read_bytes()
        orders = json.loads(data[len(HEAD) :])
        duration = float(orders.get("duration_s", 60.0))
        step("read", 0.0, duration)
        if log := os.environ.get("FAKE_SCANS"):
            with open(log, "a", encoding="utf-8") as file:
                file.write(path.name + "\n")
        match orders.get("do"):
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "hang":
                time.sleep(3_600)
            case "bad":
                raise RecordingError("不是录音 (not a recording)。")
            case "full":
                raise OutputError("无法写入:No space left on device (cannot write)。")
            case "grow":
                with path.open("ab") as file:
                    file.write(b" ")
        steps = 5
        for number in range(steps):
            time.sleep(float(orders.get("sleep_s", 0.0)) / steps)
            step("transcribe", duration * number / steps, duration)
        return make_report(path, data, settings)

    return FakeTask(scan, config)

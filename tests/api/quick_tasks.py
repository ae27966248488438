"""A worker's task for tests of the service: quick, and as good or bad as a recording's bytes say.

The first word of a "recording" says what happens; results are real files of a made-up report.
"""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from api.orders import Order, finished, opened
from api.sealed import write_sealed
from detector.errors import ModelError, OutputError, RecordingError
from detector.report import Flag, RecordingFacts, Report, Span, Speaker, StartedAt, Utterance

SAID = ("你好请问是王先生吗", "明天不还就去你单位贴照片")


def report_of(name: str, content: bytes) -> Report:
    """Return a report of two utterances, one of them flagged."""
    from hashlib import sha256

    digest = sha256(content).hexdigest()
    utterances = tuple(
        Utterance(
            id=f"U{n}", start_s=2.0 * n, end_s=2.0 * n + 1.5, speaker="A", role="collector",
            text=text, raw_text=text, overlapped=False, words=(),
            scores={"threat": 0.9 * (n - 1), "insult": 0.0, "third_party_disclosure": 0.0},
        )
        for n, text in enumerate(SAID, 1)
    )  # fmt: skip
    flag = Flag(
        id="F1", category="threat",
        subtype="self_harm" if content.startswith(b"urgent") else "exposure",
        start_s=4.0, end_s=5.5, quote=SAID[1], utterance_ids=("U2",), speaker="A",
        role="collector", score=0.9, decision="flagged", status="unreviewed", origin="machine",
        severity=3, why=(Span(4, 12, SAID[1][4:], 1.0),),
    )  # fmt: skip
    return Report(
        recording=RecordingFacts(
            name, digest, len(content), 8.0, "wav", "pcm_s16le", 8000, 1, "mono",
            StartedAt("2026-03-05T22:41:07+08:00", "file_name", "medium"),
        ),
        settings={},
        listener={"role": "debtor", "confidence": 1.0, "source": "user"},
        speakers=(Speaker("A", "collector", 0.9, "inferred", None, 3.0),),
        utterances=utterances,
        flags=(flag,),
    )  # fmt: skip


def _summary(report: Report) -> dict[str, Any]:
    urgent = report.flags[0].subtype == "self_harm"
    return {"duration_s": 8.0, "flagged": 1, "to_review": 0, "urgent": urgent}


def _act(words: list[str], path: Path, step: Any) -> None:
    what = words[0] if words else ""
    if what == "bad":
        raise RecordingError(f"{path.name} 不是录音,请换一个 (not a recording)。")
    if what == "sleep":
        end = time.monotonic() + float(words[1])
        while time.monotonic() < end:
            step("transcribe", end - time.monotonic(), 10.0)
            time.sleep(0.02)
    elif what == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "bug":
        raise ZeroDivisionError("words of a call")
    elif what == "nomodel":
        if os.path.exists(words[1]):
            raise ModelError("模型文件已损坏 (a model is damaged)。")
    elif what == "full":
        if os.path.exists(words[1]):
            raise OutputError("磁盘空间不足 (disk full)。")
    elif what == "hang":
        while True:
            time.sleep(0.1)
            step("transcribe", 1.0, 10.0)


def load(_config: Any) -> Any:
    """Return the task."""

    def do(job: Any, step: Any) -> None:
        order: Order = job.payload
        step("read", 0.0, 8.0)
        with opened(job) as path:
            content = path.read_bytes()
            _act(content[:200].decode("utf-8", "replace").split(), path, step)
            report = report_of(order.name, content)
            for name, value in (
                ("report", report.to_dict()),
                ("summary", _summary(report)),
                ("waveform", {"seconds_per_peak": 1.0, "duration_s": 8.0, "peaks": [[0.5] * 8]}),
            ):
                write_sealed(job.out / name, order.key, name, json.dumps(value).encode())
            write_sealed(job.out / "listen", order.key, "listen", b"mp3 " + content)

    return lambda job, step: finished(do, job, step)

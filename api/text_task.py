"""Messages scored in a worker process: what the worker loads, and how the server asks it.

The words go to the worker through a pipe and come back; they are never written anywhere.
"""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from api.errors import BadOptionError, ServiceError, TooManyError
from api.problems import split_sentence
from detector.jobs import Job, Outcome, Step, TimeLimit
from detector.workers import LocalEngine

__all__ = ["TextDesk", "load"]

_MOST_WAITING = 20
_LIMIT = TimeLimit(base_s=120.0, silent_s=120.0)


class _TextFailedError(ServiceError):
    status, title = 503, "Text not scored"


def load(_config: Any) -> Any:
    """Return the task of a worker; the models are loaded here."""
    with suppress(OSError, AttributeError):
        os.nice(5)  # whoever waits for an answer of the server goes first
    from detector.classify import call_classifier

    call_classifier()
    return _score


def _score(job: Job, _step: Step) -> dict[str, Any]:
    from detector.classify_text import classify_calls
    from detector.messages import read_calls

    text, listener = job.payload
    stated = None if listener == "auto" else listener.replace("-", "_")
    turns: list[dict[str, Any]] = []
    urgent = False
    for result in classify_calls(read_calls("-", text.encode("utf-8")), listener):
        for index, _ in enumerate(result.scored):
            turn = _turn(result, index, len(turns) + 1, stated)
            urgent = urgent or any(flag["subtype"] == "self_harm" for flag in turn["flags"])
            turns.append(turn)
    return {"turns": turns, "urgent": urgent}


def _turn(result: Any, index: int, number: int, listener: str | None) -> dict[str, Any]:
    """Return one turn as the interface shows it; `result` is a `CallResult`.

    `listener` is who was told of it where somebody said so: a guess decides no law.
    """
    from dataclasses import replace

    from detector.classify import LABELS, call_classifier
    from detector.explain import why
    from detector.features import CallTurn

    published = call_classifier()
    classifier = replace(published, settings=published.settings.with_thresholds(result.thresholds))
    turns = [
        CallTurn(t.text, role) for t, role in zip(result.call.turns, result.roles, strict=True)
    ]
    said, scored, role = result.call.turns[index], result.scored[index], result.roles[index]
    flags = []
    for label in LABELS:
        if label not in (*scored.flagged, *scored.review):
            continue
        subtype = scored.subtypes[label][0]
        flagged = label in scored.flagged
        spans = why(classifier, turns, index, label, result.third, flagged)
        flags.append(
            {
                "category": label,
                "subtype": subtype,
                "decision": "flagged" if flagged else "review",
                "score": scored.scores[label],
                "why": [{"start": span.start, "end": span.end} for span in spans],
                "basis": _basis(label, subtype, listener),
            }
        )
    return {
        "index": number,
        "text": said.text,
        "speaker": said.speaker,
        "role": role,
        "at_s": said.start_s,
        "flags": flags,
    }


def _basis(category: str, subtype: str, listener: str | None) -> list[dict[str, Any]]:
    from api.review_view import basis_dict
    from detector.legal_basis import basis_for

    rules = basis_for(category, subtype, None, None, listener)
    return [basis_dict(rule, None) for rule in rules]


class TextDesk:
    """Hands text to a worker, which is started with the first text that comes."""

    def __init__(self, factory: str = "api.text_task:load") -> None:
        self._factory = factory
        self._engine: LocalEngine | None = None
        self._lock = Lock()
        self._waiting = 0
        self._numbers = 0

    async def score(self, text: str, listener: str) -> dict[str, Any]:
        """Return turns with what is suspected of each, and whether self-harm was urged.

        Raises:
            ServiceError: there is nothing to read in it, too many are waiting, or it failed.
        """
        if self._waiting >= _MOST_WAITING:
            raise TooManyError(
                "同时分析的文字太多,请稍后再试。", "Too many texts at once; try again soon.",
                status=503, title="Busy", retry_after_s=10,
            )  # fmt: skip
        self._waiting += 1
        try:
            outcome = await self._outcome(text, listener)
        finally:
            self._waiting -= 1
        if outcome.kind == "done":
            value: dict[str, Any] = outcome.value
            return value
        if outcome.kind == "bad_input":
            chinese, english = split_sentence(outcome.error.replace("stdin", ""))
            raise BadOptionError(chinese.strip().removeprefix("- "), english or "Not readable.")
        raise _TextFailedError(
            "这段文字没有分析成功,请缩短后再试。",
            "The text could not be scored; try a shorter one.",
        )

    async def _outcome(self, text: str, listener: str) -> Outcome:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Outcome] = loop.create_future()

        def done(outcome: Outcome) -> None:
            def tell() -> None:
                if not ended.done():
                    ended.set_result(outcome)

            with suppress(RuntimeError):  # the server is being stopped
                loop.call_soon_threadsafe(tell)

        with self._lock:
            if self._engine is None:
                self._engine = LocalEngine(self._factory, None, workers=1, threads=1, limit=_LIMIT)
            engine = self._engine
            self._numbers += 1
            name = f"text-{self._numbers}"
        engine.submit(Job(name, Path(os.devnull), (text, listener)), done)
        try:
            return await ended
        except asyncio.CancelledError:
            engine.cancel(name)
            raise

    def close(self) -> None:
        """End the worker."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine:
            engine.close()

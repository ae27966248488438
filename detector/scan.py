"""A recording goes in, a report comes out."""

import os
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock
from typing import Any

from threadpoolctl import threadpool_limits

from detector.artifacts import artifact_hash
from detector.audio import Recording, open_recording
from detector.case import CaseFacts, parse_start
from detector.caveats import caveats
from detector.classify import Classifier, call_classifier
from detector.errors import OptionError
from detector.features import CallTurn, prepare
from detector.flags import Context, find_flags
from detector.listen import Heard, listen
from detector.loading import Loading
from detector.observations import find_observations
from detector.partial import Partial, is_long
from detector.report import (
    RecordingFacts,
    Report,
    ReportWord,
    Speaker,
    Utterance,
)
from detector.roles import assign_roles, third_party_probability
from detector.second_look import SECOND_LOOK, is_suspected, look_again
from detector.started import LogEntry, Start, find_start
from detector.survey import Survey, survey
from detector.text import SCRIPTS, to_script
from detector.transcript import Recogniser, RecogniserOptions, Recognises, workers_of
from detector.utterances import Spoken, cut, label_words, mark_overlaps, merge
from detector.whisper_models import resolve

__all__ = ["ScanOptions", "Scanner", "library_versions", "told_apart"]

_LIBRARIES = (
    "harassment-detector", "faster-whisper", "ctranslate2", "onnxruntime", "av", "numpy",
    "jieba", "opencc", "kaldi-native-fbank", "silk-python",
)  # fmt: skip
ARTIFACTS = (
    "words.npz", "encoder.onnx", "encoder.vocab", "pinyin.txt", "speaker_embedding.onnx",
    "speaker_segmentation.onnx",
)  # fmt: skip
_CHANNELS = ("left", "right")

Step = Callable[[str, float, float | None], None]
"""Called with a step's name, the seconds of recording done, and those there are (if known)."""


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What a user may choose. Threshold names are categories; collectors are left, right, A …"""

    whisper_model: str | None = None
    beam_size: int = 5
    device: str = "auto"
    threads: int = 0
    collector: tuple[str, ...] = ()
    listener: str = "auto"
    started_at: str | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    script: str = "simplified"
    case: CaseFacts = field(default_factory=CaseFacts)
    call_log: tuple[LogEntry, ...] = ()
    second_look: bool = False
    """Whether suspected passages are heard again: more is found, and more falsely."""

    def check(self) -> None:
        """Raise OptionError for what cannot be."""
        if not 1 <= self.beam_size <= 20:
            raise OptionError("--beam-size 应在 1 到 20 之间 (between 1 and 20)。")
        if self.threads < 0:
            raise OptionError("--threads 应为 0(全部核心)或更大 (0 or more)。")
        if self.script not in SCRIPTS:
            raise OptionError(f"--script 应为 {'、'.join(SCRIPTS)} 之一。")
        for name in self.collector:
            if not re.fullmatch("left|right|[A-Z]", name):
                raise OptionError(
                    f"--collector {name} 应为 left、right,或报告里的说话人 A、B …… "
                    "(left, right or a speaker's letter)。"
                )
        if self.started_at is not None:
            parse_start(self.started_at)


def library_versions() -> dict[str, str]:
    """Return the versions of this program and of the libraries that a result hangs on."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def _started_at(recording: Recording, options: ScanOptions, duration_s: float) -> Start:
    facts = options.case.facts
    numbers = [str(facts[key]) for key in ("caller_number", "called_number") if key in facts]
    stated = options.started_at or options.case.started_at
    return find_start(recording, stated, options.call_log, numbers, duration_s=duration_s)


def _no_step(_name: str, _done: float, _all: float | None) -> None:
    return None


def told_apart(heard: Heard) -> tuple[list[Spoken], dict[str, str | None]]:
    """Return the utterances of the call, and each speaker's channel."""
    per_channel: list[list[Spoken]] = []
    for index, channel in enumerate(heard.channels):
        if channel.diarization is None:
            names = [f"c{index ^ heard.swapped(w.start_s)}" for w in channel.words]
        else:
            names = [f"v{label}" for label in label_words(channel.words, channel.diarization)]
        pieces = cut(channel.words, names)
        if channel.diarization:
            pieces = mark_overlaps(pieces, channel.diarization)
        per_channel.append(pieces)
    spoken = merge(per_channel)
    letters: dict[str, str] = {}
    for item in spoken:
        letters.setdefault(item.speaker, chr(ord("A") + len(letters)))
    channels = {
        letter: _CHANNELS[int(name[1:])] if name.startswith("c") else None
        for name, letter in letters.items()
    }
    return [Spoken(letters[s.speaker], s.words, s.overlapped) for s in spoken], channels


class Scanner:
    """Holds the loaded models, so that several recordings are scanned with one loading."""

    def __init__(
        self,
        options: ScanOptions,
        say: Callable[[str], None] = lambda _: None,
        keep: bool = False,
    ) -> None:
        """Load what is light. With `keep`, what is recognised of long recordings is kept in the
        user's cache until `detector.kept.forget` is called.
        """
        options.check()
        threadpool_limits(1, user_api="blas")  # with several threads sums are rounded otherwise
        self._keep = keep
        self.options = options
        self.classifier: Classifier = call_classifier()
        self.settings = self.classifier.settings.with_thresholds(options.thresholds)
        self.classifier = replace(
            self.classifier, settings=self.settings, workers=workers_of(options.threads)
        )
        self._model = resolve(options.whisper_model, say)
        self._recogniser: Recogniser | None = None
        self._lock = Lock()

    @property
    def recogniser(self) -> Recogniser:
        """The Whisper model, loaded at first use; whoever asks meanwhile waits."""
        with self._lock:
            self._recogniser = self._recogniser or self.load()
            return self._recogniser

    def load(self) -> Recogniser:
        """Load the Whisper model."""
        return Recogniser(
            self._model,
            RecogniserOptions(
                beam_size=self.options.beam_size,
                device=self.options.device,
                threads=self.options.threads,
            ),
        )

    def scan(self, path: str | Path, step: Step = _no_step) -> Report:
        """Scan one recording.

        Raises:
            RecordingError: the file cannot be used as a recording.
            OptionError: an option does not fit this recording.
        """
        recording = open_recording(path)
        step("read", 0.0, recording.duration_s)
        layout = survey(recording, lambda done: step("read", done, recording.duration_s))
        if set(self.options.collector) & set(_CHANNELS) and layout.layout != "stereo":
            raise OptionError(
                f"{recording.path.name} 不是双声道分离录音,请用 --collector A 或 B "
                "(not a two-channel call)。"
            )
        step("load", 0.0, recording.duration_s)
        with self._remembering(recording) as recogniser:
            if isinstance(recogniser, Partial) and recogniser.until_s:
                step("resume", recogniser.until_s, recording.duration_s)
            else:
                step("transcribe", 0.0, recording.duration_s)
            heard = listen(
                recording,
                layout,
                recogniser,
                lambda done: step("transcribe", done, recording.duration_s),
            )
            step("classify", heard.duration_s, heard.duration_s)
            report = self._report(
                recording,
                layout,
                heard,
                recogniser,
                lambda done: step("second_look", done, recording.duration_s),
            )
        step("done", heard.duration_s, heard.duration_s)
        return report

    def _remembering(self, recording: Recording) -> AbstractContextManager[Recognises]:
        if not (self._keep and is_long(recording)):
            if self._recogniser:
                return nullcontext(self._recogniser)
            return Loading(lambda: self.recogniser, workers_of(self.options.threads))
        recogniser = self.recogniser
        return Partial(
            recogniser,
            recording,
            {
                "model": self._model.sha256,
                "compute_type": recogniser.compute_type,
                "versions": library_versions(),
            },
        )

    def _fixed_roles(self, channels: Mapping[str, str | None]) -> dict[str, str]:
        fixed = {}
        for chosen in self.options.collector:
            names = [n for n, channel in channels.items() if chosen in (n, channel)]
            if chosen in _CHANNELS:
                fixed[chosen] = "collector"  # even one who says nothing leaves the other side
            elif not names and channels:
                raise OptionError(
                    f"--collector {chosen}:录音里没有这个说话人;有:{'、'.join(channels)} "
                    "(no such speaker)。"
                )
            fixed.update(dict.fromkeys(names, "collector"))
        return fixed

    def _report(
        self,
        recording: Recording,
        layout: Survey,
        heard: Heard,
        recogniser: Recognises,
        progress: Callable[[float], None],
    ) -> Report:
        options, classifier = self.options, self.classifier
        spoken, channels = told_apart(heard)
        prepared = prepare([CallTurn(item.text) for item in spoken])
        listener, third = self._listener(
            third_party_probability(classifier.model, self.settings, prepared)
        )
        roles = assign_roles(
            classifier.model,
            self.settings,
            prepared,
            [item.speaker for item in spoken],
            self._fixed_roles(channels),
            third,
        )
        turns = [
            CallTurn(s.text, None if (r := roles[s.speaker].role) == "unknown" else r)
            for s in spoken
        ]
        scored = classifier.classify(turns, third)
        readings: list[list[str]] = []
        if options.second_look:
            suspected = [i for i, turn in enumerate(turns) if is_suspected(turn, scored[i])]
            if suspected:
                readings = look_again(
                    recording, layout, recogniser, heard.windows, spoken, suspected, progress
                )
                scored = classifier.classify(turns, third, readings)
        utterances = tuple(
            Utterance(
                id=f"U{number}",
                start_s=item.start_s,
                end_s=round(item.end_s, 2),
                speaker=item.speaker,
                role=roles[item.speaker].role,
                text=to_script(item.text, options.script),
                raw_text=item.text,
                overlapped=item.overlapped,
                words=tuple(
                    ReportWord(w.text, w.start_s, w.end_s, w.probability) for w in item.words
                ),
                scores=scores.scores,
            )
            for number, (item, scores) in enumerate(zip(spoken, scored, strict=True), 1)
        )
        speakers = tuple(
            Speaker(
                id=name,
                role=guess.role,
                confidence=guess.confidence,
                source=guess.source,
                channel=channels[name],
                speech_s=round(
                    sum(u.end_s - u.start_s for u in utterances if u.speaker == name), 2
                ),
            )
            for name, guess in sorted(roles.items())
        )
        start = _started_at(recording, options, heard.duration_s)
        doubts = caveats(recording, layout.layout, heard, utterances, speakers)
        context = Context(third, self._in_script(readings))
        return Report(
            recording=RecordingFacts(
                file=os.fsencode(recording.path.name).decode("utf-8", "replace"),
                sha256=recording.sha256,
                bytes=recording.bytes,
                duration_s=round(heard.duration_s, 2),
                container=recording.container,
                codec=recording.codec,
                sample_rate_hz=recording.sample_rate_hz,
                channels=recording.channels,
                layout=layout.layout,
                started_at=start.started,
            ),
            settings=self._settings(),
            listener=listener,
            speakers=speakers,
            utterances=utterances,
            flags=find_flags(utterances, scored, classifier, context),
            observations=find_observations(utterances),
            dropped=tuple(heard.dropped),
            warnings=(*doubts, *start.notes),
            case=dict(options.case.facts),
        )

    def _in_script(self, readings: list[list[str]]) -> tuple[tuple[str, ...], ...]:
        return tuple(
            tuple(to_script(text, self.options.script) for text in texts) for texts in readings
        )

    def _listener(self, inferred: float) -> tuple[dict[str, Any], float]:
        """Return what the report says of the listener, and P(third party)."""
        chosen = {"debtor": "debtor", "third-party": "third_party"}.get(self.options.listener)
        source = "user" if chosen else "case"
        chosen = chosen or self.options.case.listener
        if chosen:
            third = 1.0 if chosen == "third_party" else 0.0
            return {"role": chosen, "confidence": 1.0, "source": source}, third
        role = "third_party" if inferred >= 0.5 else "debtor"
        sure = max(inferred, 1 - inferred)
        return {"role": role, "confidence": round(sure, 3), "source": "inferred"}, inferred

    def _settings(self) -> dict[str, Any]:
        options = self.options
        recogniser = self.recogniser
        return {
            "whisper_model": self._model.name,
            "whisper_sha256": self._model.sha256,
            "compute_type": recogniser.compute_type,
            "prompt": recogniser.options.prompt,
            "beam_size": options.beam_size,
            "device": options.device,
            "threads": options.threads,
            "temperature": 0.0,
            "collector": list(options.collector),
            "listener": options.listener,
            "second_look": SECOND_LOOK if options.second_look else [],
            "script": options.script,
            "thresholds": dict(self.settings.thresholds),
            "review_from": self.settings.review_from,
            "models": {name: artifact_hash(name) for name in ARTIFACTS},
            "versions": library_versions(),
        }

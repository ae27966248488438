"""A recording goes in, a report comes out."""

import datetime as dt
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from detector.artifacts import artifact_hash
from detector.audio import Recording, open_recording, survey
from detector.case import SHANGHAI, CaseFacts, parse_start
from detector.classify import Classifier, call_classifier
from detector.errors import OptionError
from detector.features import CallTurn, prepare
from detector.flags import Context, find_flags
from detector.listen import Heard, listen
from detector.observations import find_observations
from detector.render_text import clock
from detector.report import (
    RecordingFacts,
    Report,
    ReportWord,
    Speaker,
    StartedAt,
    Utterance,
)
from detector.roles import SURE, assign_roles, third_party_probability
from detector.text import SCRIPTS, to_script
from detector.transcript import Recogniser, RecogniserOptions
from detector.utterances import Spoken, cut, label_words, merge
from detector.whisper_models import resolve

__all__ = ["ScanOptions", "Scanner"]

_LIBRARIES = (
    "harassment-detector", "faster-whisper", "ctranslate2", "onnxruntime", "av", "numpy",
    "jieba", "opencc", "kaldi-native-fbank", "silk-python",
)  # fmt: skip
_ARTIFACTS = (
    "words.npz", "encoder.onnx", "encoder.vocab", "pinyin.txt", "speaker_embedding.onnx",
    "speaker_segmentation.onnx",
)  # fmt: skip
_CHANNELS = ("left", "right")
_CANTONESE = set("嘅咗喺冇啲嚟咁哋佢唔咩乜嗰噉攞畀")

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


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def _started_at(recording: Recording, options: ScanOptions) -> StartedAt:
    given = options.started_at or options.case.started_at
    if given:
        return StartedAt(parse_start(given), "user", "stated")
    if recording.created_at:
        try:
            made = dt.datetime.fromisoformat(recording.created_at.replace("Z", "+00:00"))
            if made.tzinfo is None:
                made = made.replace(tzinfo=dt.UTC)
            local = made.astimezone(SHANGHAI).isoformat(timespec="seconds")
        except (ValueError, OverflowError):
            return StartedAt(None, None, None)
        if made.year >= 2000:
            return StartedAt(local, "container", "medium")
    return StartedAt(None, None, None)


def _no_step(_name: str, _done: float, _all: float | None) -> None:
    return None


class Scanner:
    """Holds the loaded models, so that several recordings are scanned with one loading."""

    def __init__(self, options: ScanOptions, say: Callable[[str], None] = lambda _: None) -> None:
        options.check()
        self.options = options
        self.classifier: Classifier = call_classifier()
        self.settings = self.classifier.settings.with_thresholds(options.thresholds)
        self.classifier = replace(self.classifier, settings=self.settings)
        self._model = resolve(options.whisper_model, say)
        self._recogniser: Recogniser | None = None

    @property
    def recogniser(self) -> Recogniser:
        """The loaded Whisper model; loading waits until a recording was found readable."""
        if self._recogniser is None:
            self._recogniser = Recogniser(
                self._model,
                RecogniserOptions(
                    beam_size=self.options.beam_size,
                    device=self.options.device,
                    threads=self.options.threads,
                ),
            )
        return self._recogniser

    def scan(self, path: str | Path, step: Step = _no_step) -> Report:
        """Scan one recording.

        Raises:
            RecordingError: the file cannot be used as a recording.
            OptionError: an option does not fit this recording.
        """
        recording = open_recording(path)
        step("read", 0.0, recording.duration_s)
        layout = survey(recording)
        if set(self.options.collector) & set(_CHANNELS) and layout.layout != "stereo":
            raise OptionError(
                f"{recording.path.name} 不是双声道分离录音,请用 --collector A 或 B "
                "(not a two-channel call)。"
            )
        step("load", 0.0, recording.duration_s)
        recogniser = self.recogniser
        heard = listen(
            recording,
            layout,
            recogniser,
            lambda done: step("transcribe", done, recording.duration_s),
        )
        step("classify", heard.duration_s, heard.duration_s)
        report = self._report(recording, layout.layout, heard)
        step("done", heard.duration_s, heard.duration_s)
        return report

    def _spoken(self, heard: Heard) -> tuple[list[Spoken], dict[str, str | None]]:
        """Return the utterances of the call, and each speaker's channel."""
        per_channel: list[list[Spoken]] = []
        for index, channel in enumerate(heard.channels):
            if channel.diarization is None:
                names = [f"c{index}"] * len(channel.words)
            else:
                names = [f"v{label}" for label in label_words(channel.words, channel.diarization)]
            per_channel.append(cut(channel.words, names))
        spoken = merge(per_channel)
        letters: dict[str, str] = {}
        for item in spoken:
            letters.setdefault(item.speaker, chr(ord("A") + len(letters)))
        channels = {
            letter: _CHANNELS[int(name[1:])] if name.startswith("c") else None
            for name, letter in letters.items()
        }
        return [Spoken(letters[s.speaker], s.words, s.overlapped) for s in spoken], channels

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

    def _report(self, recording: Recording, layout: str, heard: Heard) -> Report:
        options, classifier = self.options, self.classifier
        spoken, channels = self._spoken(heard)
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
                layout=layout,
                started_at=_started_at(recording, options),
            ),
            settings=self._settings(),
            listener=listener,
            speakers=speakers,
            utterances=utterances,
            flags=find_flags(utterances, scored, classifier, Context(third)),
            observations=find_observations(utterances),
            dropped=tuple(heard.dropped),
            warnings=_warnings(recording, layout, heard, utterances, speakers),
            case=dict(options.case.facts),
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
            "script": options.script,
            "thresholds": dict(self.settings.thresholds),
            "review_from": self.settings.review_from,
            "models": {name: artifact_hash(name) for name in _ARTIFACTS},
            "versions": _versions(),
        }


def _warnings(
    recording: Recording,
    layout: str,
    heard: Heard,
    utterances: tuple[Utterance, ...],
    speakers: tuple[Speaker, ...],
) -> tuple[str, ...]:
    found = []
    if not utterances:
        found.append("录音中没有听到可识别的说话声 (no speech was found)。")
    if heard.damaged:
        found.append(
            f"录音有 {heard.damaged} 处无法解码,已跳过;请核对原始录音是否完整 (damaged parts)。"
        )
    stated = recording.duration_s
    if stated and heard.duration_s < 0.9 * stated - 1:
        found.append(
            f"文件标明 {stated:.0f} 秒,只读出 {heard.duration_s:.0f} 秒,可能被截断 (truncated)。"
        )
    if heard.unheard:
        first = "、".join(clock(start) for start, _ in sorted(heard.unheard)[:5])
        found.append(
            f"有 {len(heard.unheard)} 处说话声没有转写出文字(从 {first} 起),请直接听原始录音 "
            "(speech that was not recognised)。"
        )
    if recording.channels > 2:
        found.append(f"录音有 {recording.channels} 个声道,已合并为一个 (channels mixed)。")
    if layout == "one-sided":
        found.append("两个声道中有一个没有声音,只分析有声的一侧 (one channel is silent)。")
    known = {name: n for name, n in heard.languages.items() if name != "?"}
    if known and known.get("zh", 0) < 0.5 * sum(known.values()):
        top = max(known, key=lambda name: known[name])
        found.append(f"听起来不像普通话(可能是 {top}),结果不可靠 (speech may not be Mandarin)。")
    text = "".join(u.raw_text for u in utterances)
    if len(text) > 40 and sum(c in _CANTONESE for c in text) > 0.02 * len(text):
        found.append("部分内容像粤语,转写和标记可能不可靠 (parts may be Cantonese)。")
    if len(speakers) == 1 and speakers[0].role == "unknown":
        found.append("只听出一个说话人,无法判断是否催收方,标记均列为待复核 (one voice only)。")
    elif any(s.role == "unknown" for s in speakers):
        found.append("无法确定谁是催收方,标记均列为待复核;可用 --collector 指定 (roles unclear)。")
    elif any(s.source == "inferred" and s.confidence < SURE + 0.1 for s in speakers):
        found.append("谁是催收方由内容推断,把握不大,请核对 (roles inferred, not sure)。")
    return tuple(found)

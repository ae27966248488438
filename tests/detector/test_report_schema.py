"""The published schema describes every report, and nothing that is none."""

import copy
import dataclasses
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest

from detector import report as reports
from detector import scan
from detector.errors import InputError
from detector.ghosts import Dropped
from detector.labels import CATEGORY_NAMES, ROLE_NAMES
from detector.listen import Channel, Heard
from detector.report import SCHEMA_VERSION, schema
from detector.speakers import Diarization
from detector.text import SCRIPTS
from detector.transcript import Word

Make = Callable[..., Any]
SCHEMA = schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def plain(report: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(report.to_json())
    return loaded


def faults(data: Any) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in VALIDATOR.iter_errors(data)]


def test_schema_itself_is_sound() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_report_from_dataclasses(make_report: Make) -> None:
    assert faults(plain(make_report())) == []


def test_json_is_the_same_every_time_and_begins_with_its_version(make_report: Make) -> None:
    text = make_report().to_json()
    assert text == make_report().to_json()
    assert next(iter(json.loads(text).items())) == ("schema_version", SCHEMA_VERSION)
    assert text.endswith("}\n")


def test_report_of_nothing(make_report: Make) -> None:
    empty = make_report(
        flags=(), utterances=(), speakers=(), observations=(), dropped=(), warnings=(), case={},
        settings={},
    )  # fmt: skip
    empty = dataclasses.replace(
        empty,
        recording=dataclasses.replace(
            empty.recording, started_at=reports.StartedAt(None, None, None)
        ),
    )
    assert faults(plain(empty)) == []


# ---------------------------------------------------------------- reports of the real pipeline


def _words(start: float, text: str, channel: int = 0) -> list[Word]:
    return [
        Word(c, round(start + 0.2 * i, 2), round(start + 0.2 * i + 0.2, 2), 0.83, channel)
        for i, c in enumerate(text)
    ]


_CALL = [
    (0.5, "您好,我是某某金融的工作人员,请问是李女士吗"),
    (6.0, "我是,什么事"),
    (8.0, "您这边有一笔借款逾期八天了,再不还我就带人去你家打断你的腿"),
    (16.0, "你别来我家,我报警了"),
]


def _heard(kind: str) -> Heard:
    sides = [[w for n, (at, said) in enumerate(_CALL) if n % 2 == side for w in _words(at, said)]
             for side in (0, 1)]  # fmt: skip
    dropped = [Dropped(30.0, 31.0, "谢谢观看", "boilerplate")]
    languages = Counter({"zh": 2, "?": 1})
    if kind == "stereo":
        return Heard([Channel(sides[0]), Channel(sides[1])], 20.0, 0, dropped, languages)
    import numpy as np

    activity = np.zeros((1_200, 2), np.float32)
    if kind == "silent":
        return Heard([Channel([], Diarization(activity[:, :1], 0.0))], 20.0, 3, [], Counter())
    for side in (0, 1):
        for word in sides[side]:
            activity[int(word.start_s * 58.9) : int(word.end_s * 58.9) + 1, side] = 1
    words = sorted(sides[0] + sides[1], key=lambda word: word.start_s)
    if kind == "one-voice":
        activity = activity.max(axis=1, keepdims=True)
    return Heard([Channel(words, Diarization(activity, 0.4))], 20.0, 0, dropped, languages)


class _NoModel:
    """Stands in for the loaded Whisper model."""

    compute_type, workers = "int8", 1
    options = SimpleNamespace(prompt="")

    def __init__(self, *_: object) -> None:
        pass


def _scanned(
    monkeypatch: pytest.MonkeyPatch, path: Path, kind: str, **options: Any
) -> reports.Report:
    monkeypatch.setattr(scan, "Recogniser", _NoModel)
    monkeypatch.setattr(scan, "listen", lambda *_, **__: _heard(kind))
    return scan.Scanner(scan.ScanOptions(**options)).scan(path)


@pytest.mark.parametrize("kind", ["mono", "one-voice", "silent", "stereo"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"listener": "third-party", "script": "traditional", "thresholds": {"threat": 0.9}},
        {"started_at": "2026-03-05 22:41:07", "collector": ("A",)},
    ],
    ids=["plain", "third-party", "stated"],
)
def test_reports_of_the_pipeline(
    monkeypatch: pytest.MonkeyPatch, wav: Path, kind: str, options: dict[str, Any]
) -> None:
    report = _scanned(monkeypatch, wav, kind, **options)
    data = plain(report)
    assert faults(data) == []
    assert data["settings"]["script"] in SCRIPTS
    ids = {item["id"] for item in data["utterances"]}
    assert bool(ids) == (kind != "silent")
    for flag in data["flags"]:
        assert set(flag["utterance_ids"]) <= ids
        assert flag["start_s"] <= flag["end_s"]
    if kind in ("mono", "stereo") and not options:
        assert [s["role"] for s in data["speakers"]] == ["collector", "debtor"]
        assert ("threat", "A", "flagged") in [
            (f["category"], f["speaker"], f["decision"]) for f in data["flags"]
        ]
    if kind == "one-voice" and not options:
        assert {f["decision"] for f in data["flags"]} <= {"review"}


def test_container_time_is_taken_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sounds: Any
) -> None:
    path = sounds.encode(
        tmp_path / "x.m4a", "m4a", sounds.tone(1.0)[None], 16_000,
        {"creation_time": "2026-03-05T14:41:07.000000Z"},
    )  # fmt: skip
    data = plain(_scanned(monkeypatch, path, "mono"))
    assert faults(data) == []
    assert data["recording"]["started_at"] == {
        "value": "2026-03-05T22:41:07+08:00", "source": "container", "reliability": "medium",
    }  # fmt: skip


# ---------------------------------------------------------------- what is no report


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
        place: Any = data
        for key in way:
            place = place[key]
        place[last] = value

    return change


def _drop(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda data: data.pop(name)


@pytest.mark.parametrize(
    "change",
    [
        _set("schema_version", "1.1"),
        _set("schema_version", 1.0),
        _set("extra", 1),
        _drop("disclaimer"),
        _drop("warnings"),
        _set("recording.layout", "surround"),
        _set("recording.sha256", "AB" * 32),
        _set("recording.path", "/home"),
        _set("recording.started_at.value", "5. März"),
        _set("recording.started_at.source", "guess"),
        _set("listener.role", "collector"),
        _set("listener.confidence", 1.2),
        _set("speakers.0.role", "bank"),
        _set("speakers.0.channel", "middle"),
        _set("utterances.0.speaker_vector", [0.1]),
        _set("utterances.0.scores.fraud", 0.1),
        _set("utterances.0.scores", {"threat": 0.1}),
        _set("utterances.0.words.0.probability", -0.1),
        _set("utterances.0.start_s", -1),
        _set("flags.0.category", "fraud"),
        _set("flags.0.decision", "guilty"),
        _set("flags.0.status", "done"),
        _set("flags.0.origin", "cloud"),
        _set("flags.0.role", "police"),
        _set("flags.0.severity", 5),
        _set("flags.0.score", "0.9"),
        _set("flags.0.utterance_ids", []),
        _set("flags.0.utterance_ids", ["3"]),
        _set("flags.0.why.0.text", ""),
        _set("flags.0.comment", "x"),
        _set("observations.0.score", 0.5),
        _set("dropped.0.reason", "dull"),
        _set("warnings.0", ""),
        _set("settings", []),
        _set("case", None),
    ],
)
def test_refused(make_report: Make, change: Callable[[dict[str, Any]], None]) -> None:
    data = copy.deepcopy(plain(make_report()))
    change(data)
    assert faults(data) != []


@pytest.mark.parametrize("name", ["settings", "case"])
def test_settings_and_case_are_open(make_report: Make, name: str) -> None:
    data = plain(make_report(**{name: {"anything": {"at": ["all", 1, None]}}}))
    assert faults(data) == []


# ---------------------------------------------------------------- schema and code agree


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("recording", reports.RecordingFacts),
        ("speaker", reports.Speaker),
        ("word", reports.ReportWord),
        ("utterance", reports.Utterance),
        ("span", reports.Span),
        ("flag", reports.Flag),
        ("observation", reports.Observation),
        ("dropped", Dropped),
    ],
)
def test_fields_are_those_of_the_code(name: str, kind: Any) -> None:
    described = SCHEMA["$defs"][name]
    fields = [field.name for field in dataclasses.fields(kind)]
    assert sorted(described["properties"]) == sorted(described["required"]) == sorted(fields)
    assert described["additionalProperties"] is False


def test_names_are_those_of_the_code() -> None:
    kinds = SCHEMA["$defs"]
    assert kinds["category"]["enum"] == list(reports.CATEGORIES) == list(CATEGORY_NAMES)
    assert kinds["role"]["enum"] == list(ROLE_NAMES)
    assert list(kinds["utterance"]["properties"]["scores"]["properties"]) == list(CATEGORY_NAMES)
    assert SCHEMA["properties"]["schema_version"] == {"const": SCHEMA_VERSION}
    fields = [field.name for field in dataclasses.fields(reports.Report)]
    assert sorted(SCHEMA["required"]) == sorted(fields)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"role": "debtor"', '"role": "creditor"'),
        ('"decision": "flagged"', '"decision": "certain"'),
        ('"duration_s": 3725.4', '"duration_s": NaN'),
        ('"duration_s": 3725.4', '"duration_s": 1e999'),
        ('"duration_s": 3725.4', '"duration_s": "long"'),
        ('"bytes": 120000', f'"bytes": {"9" * 30}'),
        ('"U3"', '"U4"'),
    ],
)
def test_a_report_changed_by_hand_is_refused(
    tmp_path: Path, make_report: Make, old: str, new: str
) -> None:
    text = make_report().to_json()
    path = tmp_path / "a.json"
    path.write_text(text, "utf-8")
    assert reports.read_report(path) == make_report()
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(InputError, match="not a report"):
        reports.read_report(path)

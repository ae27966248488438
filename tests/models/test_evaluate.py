"""The figures of `models.evaluate`, and how it comes by them."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, precision_recall_fscore_support

from detector.classify import call_classifier
from models import calls as corpus
from models import evaluate, evaluate_tables, train
from models.keyword_baseline import WORDS, keyword_labels
from models.word_scores import BINS, SCORES_FROM, Measured, ScoredTurn

LABELS = corpus.LABELS
Call = dict[str, Any]


def turn(speaker: str, text: str, *subtypes: str) -> dict[str, Any]:
    labels = [label for label in LABELS if any(corpus.LABEL_OF[s] == label for s in subtypes)]
    return {"speaker": speaker, "text": text, "labels": labels, "subtypes": list(subtypes)}


def made_up() -> list[Call]:
    base = {"lang": "zh-Hans", "listener": "debtor"}
    return [
        {
            **base, "call_id": "m-1", "kind": "debtor_call", "severity": "abusive",
            "profile": "north", "writer": "v1",
            "turns": [
                turn("collector", "汪师傅,旺财分期,您那两千六拖了四十天。"),
                turn("debtor", "再宽限我一个礼拜。"),
                turn("collector", "宽限个屁,你个没皮没脸的废物,活该一辈子蹬三轮。",
                     "name_calling", "mockery"),
                turn("debtor", "你怎么骂人呢。"),
                turn("collector", "明天我带几个兄弟去你家堵门,泼你一墙红油漆。",
                     "home_visit_intimidation"),
            ],
        },
        {
            **base, "call_id": "m-2", "kind": "third_party_call", "severity": "mixed",
            "listener": "colleague", "profile": "south", "writer": "v2",
            "turns": [
                turn("third_party", "车间办公室,哪位?"),
                turn("collector", "我跟你讲,你们班的小邹借了我们三万块钱一直不还。",
                     "to_third_party"),
                turn("third_party", "这我管不着。"),
                turn("collector", "那麻烦您请他回个电话。"),
            ],
        },
        {
            **base, "call_id": "m-3", "kind": "messages", "severity": "lawful",
            "profile": "north", "writer": "v1",
            "turns": [
                turn("collector", "您的账单将于十五日到期,请按时还款。"),
                turn("collector", "如已还款请忽略本条。"),
            ],
        },
        {
            **base, "call_id": "m-4", "kind": "debtor_call", "severity": "lawful",
            "profile": "south", "writer": "v2",
            "turns": [
                turn("collector", "您好,提醒您本期应还四百二十块。"),
                turn("debtor", "滚,骗子!"),
            ],
        },
    ]  # fmt: skip


def scored(call: int, number: int, said: dict[str, Any], scores: Sequence[float],
           flagged: Sequence[str] = (), review: Sequence[str] = (),
           named: dict[str, tuple[str, ...]] | None = None) -> ScoredTurn:  # fmt: skip
    names = {label: (corpus.SUBTYPES[label][0],) for label in LABELS}
    return ScoredTurn(call, number, said, dict(zip(LABELS, scores, strict=True)), tuple(flagged),
                      tuple(review), {**names, **(named or {})})  # fmt: skip


def random_run(seed: int, count: int = 300) -> Measured:
    rng = np.random.default_rng(seed)
    calls = [{"call_id": str(i), "severity": "mixed", "turns": []} for i in range(20)]
    turns = []
    for number in range(count):
        scores = rng.random(3).round(4)
        subtypes = [corpus.SUBTYPES[label][0] for label in LABELS if rng.random() < 0.3]
        who = "collector" if rng.random() < 0.7 else "debtor"
        said = turn(who, f"第{number}句", *subtypes)
        flagged = [label for label, s in zip(LABELS, scores, strict=True) if s > 0.6]
        turns.append(scored(int(rng.integers(20)), number, said, scores, flagged))
    return Measured(calls, turns)


# ---------------------------------------------------------------- figures


@pytest.mark.parametrize("seed", range(3))
def test_precision_recall_and_f1_are_the_usual_ones(seed: int) -> None:
    m = random_run(seed)
    found = m.detection(m.flagged, m.collector)
    true, said = m.true[m.collector], m.flagged[m.collector]
    pairs = {label: (true[:, k], said[:, k]) for k, label in enumerate(LABELS)}
    pairs |= {"micro": (true.ravel(), said.ravel()), "turn, any label": (true.any(1), said.any(1))}
    assert found.keys() == pairs.keys()
    for label, (a, b) in pairs.items():
        expected = precision_recall_fscore_support(a, b, average="binary")
        for name, value in zip(("precision", "recall", "f1"), expected, strict=False):
            assert found[label][name]["value"] == pytest.approx(value, abs=1e-4)
        assert (found[label]["true"], found[label]["predicted"]) == (a.sum(), b.sum())


@pytest.mark.parametrize("seed", range(3))
def test_calibration_is_the_usual_one(seed: int) -> None:
    m = random_run(seed)
    found = m.calibration(m.collector)
    for k, label in enumerate(LABELS):
        p, y = m.scores[m.collector, k], m.true[m.collector, k]
        assert found[label]["brier"]["value"] == pytest.approx(brier_score_loss(y, p), abs=1e-4)
        kept = p >= SCORES_FROM
        p, y, error = p[kept], y[kept], 0.0
        edges = np.linspace(SCORES_FROM, 1, BINS + 1)
        for low, high in itertools.pairwise(edges):
            inside = (p >= low) & ((p < high) | (high == 1))
            if inside.any():
                error += inside.mean() * abs(p[inside].mean() - y[inside].mean())
        assert found[label]["ece"]["value"] == pytest.approx(error, abs=1e-3)
        assert found[label]["scores"] == kept.sum()


def test_intervals_surround_the_figure_and_are_the_same_each_time() -> None:
    first, second = (random_run(1).detection(random_run(1).flagged, random_run(1).collector)
                     for _ in range(2))  # fmt: skip
    assert first == second
    for entry in first.values():
        for name in ("precision", "recall", "f1"):
            figure = entry[name]
            assert figure["low"] < figure["value"] < figure["high"]


def test_one_call_has_no_spread_and_nothing_gives_no_figure() -> None:
    said = turn("collector", "你这头猪。", "name_calling")
    m = Measured([{"severity": "mixed"}], [scored(0, 1, said, (0.1, 0.9, 0.1), ["insult"])])
    found = m.detection(m.flagged, m.collector)
    assert found["insult"]["f1"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert found["threat"]["precision"] == {"value": None, "low": None, "high": None}
    assert m.lawful(m.flagged)["flags_per_call"]["value"] is None


def test_other_speakers_do_not_count_in_the_figures() -> None:
    calls = [{"severity": "mixed"}]
    quiet = scored(0, 1, turn("collector", "您好。"), (0, 0, 0))
    loud = scored(0, 2, turn("debtor", "滚!"), (0, 1, 0), ["insult"])
    m = Measured(calls, [quiet, loud])
    assert m.detection(m.flagged, m.collector)["insult"]["predicted"] == 0
    assert m.flagged[~m.collector].sum() == 1


def test_review_share_lawful_calls_subtypes_and_worst_errors() -> None:
    calls = [{"call_id": "a", "severity": "lawful"}, {"call_id": "b", "severity": "mixed"}]
    threat, disclosed = LABELS[0], LABELS[2]
    turns = [
        scored(0, 1, turn("collector", "甲"), (0.9, 0, 0), [threat], [disclosed]),
        scored(0, 2, turn("collector", "乙"), (0.4, 0, 0), [], [threat]),
        scored(1, 1, turn("collector", "丙", "violence"), (0.8, 0, 0), [threat]),
        scored(1, 2, turn("collector", "丁", "veiled"), (0.7, 0, 0), [threat],
               named={threat: ("violence", "veiled")}),
        scored(1, 3, turn("collector", "戊", "veiled"), (0.02, 0, 0)),
    ]  # fmt: skip
    m = Measured(calls, turns)
    share = m.review_share()
    assert (share["only"]["value"], share["any"]["value"]) == (0.2, 0.4)
    lawful = m.lawful(m.flagged)
    assert (lawful["calls"], lawful["flags_per_call"]["value"]) == (1, 1.0)
    assert lawful["calls_with_a_flag"]["value"] == 1.0
    found = m.subtypes(corpus.SUBTYPES)
    assert found["by_subtype"]["veiled"]["recall"]["value"] == 0.5
    assert found["by_subtype"]["veiled"]["named"]["value"] == 1.0
    assert found["by_subtype"]["violence"]["true"] == 1
    assert found["first"][threat]["value"] == 0.5  # of two hits, 丁 is first named violence
    assert [(e["call_id"], e["turn"], e["error"]) for e in m.worst(9)] == [
        ("b", 3, "missed threat"),
        ("a", 1, "false threat"),
    ]


def test_no_flag_in_few_lawful_calls_promises_little() -> None:
    calls = [{"severity": "lawful"}] * 9
    m = Measured(calls, [scored(i, 1, turn("collector", "您好。"), (0, 0, 0)) for i in range(9)])
    share = m.lawful(m.flagged)["calls_with_a_flag"]
    assert share == {"value": 0.0, "low": 0.0, "high": 0.3363}  # Clopper-Pearson


def test_words_are_found_in_either_script() -> None:
    assert keyword_labels("你這個廢物,當心我讓你後果自負") == ("threat", "insult")
    assert keyword_labels("请您周三前还款") == ()
    assert 75 <= sum(map(len, WORDS.values())) <= 90


# ---------------------------------------------------------------- held out


def test_nothing_is_learned_from_the_writers_who_are_scored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writers = ["w1", *train.HELD_OUT]
    several = made_up() * len(writers)
    calls = [{**call, "writer": writers[n % len(writers)]} for n, call in enumerate(several)]
    trained: list[set[str]] = []
    calibrated: list[set[str]] = []

    def fake_train(part: list[Call]) -> bytes:
        trained.append({call["writer"] for call in part})
        return b""

    def fake_calibrate(part: list[train.Reading], *_: object) -> dict[str, Any]:
        calibrated.append({reading.call["writer"] for reading in part})
        return {"calibration": dict.fromkeys(LABELS, (1.0, 1.0, 0.0, 0.0, 0.0)), "review_from": 0.5,
                "lone": dict.fromkeys(LABELS, (1.0, 0.0, 0.0, 0.0, 0.0)), "role_scale": 1.0,
                "subtypes": dict.fromkeys(corpus.LABEL_OF, (0.5, 0.5, 0.0)),
                "thresholds": dict.fromkeys(LABELS, 0.5), "listener": [1.0, 0.0]}  # fmt: skip

    monkeypatch.setattr(train, "train", fake_train)
    monkeypatch.setattr(train, "WordsModel", lambda _: call_classifier().model)
    monkeypatch.setattr(train, "calibrate", fake_calibrate)
    mine, parts = evaluate.held_out_classifiers(calls)
    assert trained == [{"w1"}]
    assert {call["writer"] for call in mine} == {*train.HELD_OUT}
    assert sorted(i for places, _ in parts for i in places) == list(range(len(mine)))
    for (places, _), fitted in zip(parts, calibrated, strict=True):
        scored_writers = {mine[i]["writer"] for i in places}
        assert len(scored_writers) == 1 and not scored_writers & fitted


# ---------------------------------------------------------------- the command


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "calls.jsonl"
    lines = (json.dumps(call, ensure_ascii=False) for call in made_up())
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def run(capsys: pytest.CaptureFixture[str], *args: object) -> str:
    assert evaluate.main([str(arg) for arg in args]) == 0
    return capsys.readouterr().out


def test_a_file_is_scored_as_detector_classify_scores_it(file: Path, detector: Any) -> None:
    calls = corpus.read(file)
    measured = evaluate.measure(calls, [(list(range(len(calls))), call_classifier())])
    printed = [json.loads(line) for line in detector("classify", file, "--json").out.splitlines()]
    expected = [turn for call in printed for turn in call["turns"]]
    assert [list(t.flagged) for t in measured.turns] == [turn["labels"] for turn in expected]
    assert [list(t.review) for t in measured.turns] == [turn["review"] for turn in expected]
    assert [t.scores for t in measured.turns] == [turn["scores"] for turn in expected]


def test_the_file_is_reported_in_tables_and_as_json(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = run(capsys, file)
    for heading in ("# calls.jsonl: 4 calls, 13 turns, 8 of them the collector's", "## Flagged",
                    "## A list of words instead", "## By kind", "## By profile", "## By sub-type",
                    "## Calibration", "## Worst errors"):  # fmt: skip
        assert heading in text
    report = json.loads(run(capsys, file, "--json"))
    assert report["collector_turns"] == 8
    assert report["flagged"]["micro"]["true"] == 3
    assert report["keywords"]["threat"]["recall"]["value"] == 1.0  # 堵门
    assert report["flags_on_other_speakers"] == 0
    assert set(report["by"]["profile"]) == {"north", "south"}
    assert len(report["worst"]) <= evaluate.WORST


def test_roughened_text_is_the_same_for_a_seed(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, first, again, other = (
        json.loads(run(capsys, file, "--json", *rough))["calibration"]
        for rough in ((), ("--rough", 1), ("--rough", 1), ("--rough", 2))
    )
    assert first == again
    assert first not in (plain, other)


def test_unlabelled_turns_and_odd_calls_are_measured_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bare.jsonl"
    path.write_text('{"turns": [{"speaker": "collector", "text": "您好。"}]}\n', "utf-8")
    assert evaluate.main([str(path)]) == 0
    said = capsys.readouterr()
    assert "bare.jsonl: ?: kind is None" in said.err
    assert "1 calls, 1 turns" in said.out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--card", "--rough", "1"], "in one run"),
        (["--figures", "--part", "8"], "the whole corpus"),
        (["calls.jsonl", "--figures"], "leave the file out"),
        (["calls.jsonl", "--rough", "-1"], "from 0"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    args: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        evaluate.main(args)
    assert said in capsys.readouterr().err


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_text("\n", "utf-8")
    with pytest.raises(SystemExit, match="no calls"):
        evaluate.main([str(path)])


# ---------------------------------------------------------------- card and figures


def measured_file(file: Path) -> Measured:
    calls = corpus.read(file)
    return evaluate.measure(calls, [(list(range(len(calls))), call_classifier())])


def test_the_card_changes_between_its_marks_only(file: Path, tmp_path: Path) -> None:
    report = evaluate.summary("held-out writers", measured_file(file))
    other = {**report, "evaluated": "calls.jsonl"}
    card = tmp_path / "README.md"
    start, end = evaluate_tables.START, evaluate_tables.END
    card.write_text(f"# Card\n\n{start}\nold\n{end}\n\nend\n", "utf-8")
    evaluate_tables.write_card([report, report, other], card)
    once = card.read_text("utf-8")
    assert once.startswith(f"# Card\n\n{start}\n\nCorpus (")
    assert once.endswith(f"{end}\n\nend\n")
    assert "old" not in once
    for command in ("evaluate`", "evaluate --rough 1`", "evaluate calls.jsonl`", "agreement`"):
        assert f"`python -m models.{command}" in once
    evaluate_tables.write_card([report, report, other], card)
    assert card.read_text("utf-8") == once


def test_a_card_without_marks_is_left_alone(file: Path, tmp_path: Path) -> None:
    report = evaluate.summary("held-out writers", measured_file(file))
    card = tmp_path / "README.md"
    card.write_text("# Card\n", "utf-8")
    with pytest.raises(SystemExit, match="lacks the marks"):
        evaluate_tables.write_card([report, report], card)
    assert card.read_text("utf-8") == "# Card\n"


def test_the_model_card_has_its_marks_once() -> None:
    text = evaluate_tables.CARD.read_text("utf-8")
    assert text.count(evaluate_tables.START) == text.count(evaluate_tables.END) == 1


def test_tables_survive_bars_and_line_breaks_in_the_text() -> None:
    worst = [{"call_id": "a", "turn": 1, "error": "false threat", "score": 0.9, "subtypes": [],
              "text": "甲|乙\n丙"}]  # fmt: skip
    assert evaluate_tables.worst_table(worst).splitlines()[-1].endswith("甲\\|乙 丙 |")


def test_figures_are_small_pictures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from models.evaluate_figures import draw

    draw(random_run(2), tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["precision_recall.png", "reliability.png"]
    for path in tmp_path.iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size < 150_000


@pytest.mark.slow
def test_held_out_writers_of_a_part_of_the_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    report = json.loads(run(capsys, "--part", 8, "--json"))
    assert report["evaluated"] == "held-out writers"
    model, words = (report[key]["micro"]["f1"]["value"] for key in ("flagged", "keywords"))
    assert model > 2 * words
    assert report["lawful"]["flags_per_call"]["value"] < 0.3

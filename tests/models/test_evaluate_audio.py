"""Counts of a report against its truth, on small data made by hand."""

import itertools
import json
import random

import numpy as np
import pytest

from models import evaluate_audio
from models.audio_scores import (
    LABELS,
    assign,
    collector_right,
    describe_errors,
    edit_distance,
    iou,
    match_spans,
    measure,
    spoken,
    turns_right,
)
from models.evaluate_audio import BY_NAME, FIGURES, Figure, interval, render, summarise, timing


def turn(speaker, start, end, text="", *labels, **more):
    return {
        "speaker": speaker, "start": start, "end": end, "text": text, "labels": list(labels),
        "subtypes": [], **more,
    }  # fmt: skip


def said(speaker, role, start, end, text=""):
    return {
        "speaker": speaker, "role": role, "start_s": start, "end_s": end, "text": text,
        "scores": dict.fromkeys(LABELS, 0.1),
    }  # fmt: skip


def flag(category, start, end, decision="flagged"):
    return {
        "category": category, "start_s": start, "end_s": end, "decision": decision,
        "quote": "", "role": "collector", "score": 0.9,
    }  # fmt: skip


def report(utterances, flags=(), listener="debtor", layout="mono"):
    roles = {u["speaker"]: u["role"] for u in utterances}
    return {
        "recording": {"layout": layout, "duration_s": 20.0, "sample_rate_hz": 8_000},
        "listener": {"role": listener},
        "speakers": [{"id": name, "role": role} for name, role in sorted(roles.items())],
        "utterances": list(utterances),
        "flags": list(flags),
    }


CALL = {
    "call_id": "T1",
    "kind": "debtor_call",
    "lang": "zh-Hans",
    "severity": "abusive",
    "turns": [
        turn("collector", 0.0, 4.0, "你好,请问是周先生吗?"),
        turn("debtor", 4.5, 7.0, "是我。"),
        turn("collector", 7.5, 12.0, "今晚我叫人去砸你家的门,你这个窝囊废。", "threat", "insult"),
        turn("debtor", 12.5, 15.0, "你敢来我就报警。"),
        turn("collector", 15.5, 20.0, "来就来,你等着。", "threat"),
    ],
}
HEARD = [
    said("A", "collector", 0.1, 3.9, "你好,请问是周先生吗"),
    said("B", "debtor", 4.6, 6.9, "是我"),
    said("A", "collector", 7.6, 11.9, "今晚我叫人去砸你家的门你这个窝囊废"),
    said("B", "debtor", 12.6, 14.9, "你敢来我就报警"),
    said("A", "collector", 15.6, 19.9, "来就来你等着"),
]


def test_iou():
    assert iou((0, 4), (0, 4)) == 1
    assert iou((0, 4), (2, 6)) == pytest.approx(2 / 6)
    assert iou((0, 1), (1, 2)) == 0
    assert iou((3, 3), (3, 3)) == 0


def test_assign_is_optimal():
    generator = random.Random(4)
    for _ in range(60):
        rows, columns = generator.randint(0, 4), generator.randint(1, 4)
        weights = [[generator.choice([0, 1, 2.5, 7]) for _ in range(columns)] for _ in range(rows)]
        padded = [row + [0] * 4 for row in weights] + [[0] * (columns + 4)] * (4 - rows)
        best = max(
            sum(padded[i][j] for i, j in enumerate(order))
            for order in itertools.permutations(range(columns + 4), 4)
        )
        pairs = assign(weights)
        assert sum(weights[i][j] for i, j in pairs) == best
        assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)


def test_match_spans_prefers_many_pairs_to_one_close_pair():
    # the first flag fits both turns, the second only the first turn
    found, true = [(0.0, 10.0), (0.0, 4.0)], [(0.0, 9.5), (5.0, 10.0)]
    assert match_spans(found, true) == [(0, 1), (1, 0)]


def test_match_spans_takes_the_closest_and_only_enough_overlap():
    assert match_spans([(0.0, 10.0)], [(0.0, 6.0), (0.0, 9.0)]) == [(0, 1)]
    assert match_spans([(0.0, 2.9)], [(0.0, 10.0)]) == []
    assert match_spans([(0.0, 3.0)], [(0.0, 10.0)]) == [(0, 0)]
    assert match_spans([], [(0.0, 1.0)]) == []
    assert match_spans([(0.0, 1.0)], []) == []


def test_edit_distance():
    assert edit_distance("", "") == 0
    assert edit_distance("还钱", "") == 2
    assert edit_distance("", "还钱") == 2
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("马上还钱", "还马上钱") == 2
    assert edit_distance("abcdef", "bcdefg") == 2


def test_spoken_text_has_one_form():
    assert spoken(["還錢!", "3000 塊。"]) == spoken(["还钱", "三千,块"]) == "还钱三千块"
    long = "天" * 1_500
    assert len(spoken([long, long])) == 3_000


def test_a_perfect_report():
    flags = [flag("threat", 7.6, 11.9), flag("insult", 7.6, 11.9), flag("threat", 15.6, 19.9)]
    counts = measure(CALL, report(HEARD, flags))
    for label, right in (("threat", 2), ("insult", 1), ("third_party_disclosure", 0)):
        for scope in ("flagged", "with review"):
            found = [counts[f"{scope}.{label}.{key}"] for key in ("tp", "fp", "fn")]
            assert found == [right, 0, 0]
    assert counts["der.missed"] == counts["der.confusion"] == counts["der.false_alarm"] == 0
    assert counts["turns_right"] == counts["turns"] == 5
    for key in ("speakers_right", "collector_right", "listener_right", "layout_right"):
        assert counts[key] == 1, key
    assert counts["role_s"] == counts["role_s_right"] > 15
    assert counts["cer.all.edits"] == counts["cer.other.edits"] == 0
    assert counts["cer.all.length"] == counts["cer.collector.length"] + counts["cer.other.length"]


def test_wrong_flags_are_counted_where_they_lie():
    flags = [
        flag("threat", 7.6, 11.9),
        flag("threat", 12.6, 14.9),  # on the debtor's turn
        flag("insult", 15.6, 19.9),  # another label than the turn's
        flag("threat", 15.6, 19.9, "review"),
    ]
    counts = measure(CALL, report(HEARD, flags))
    assert [counts[f"flagged.threat.{k}"] for k in ("tp", "fp", "fn")] == [1, 1, 1]
    assert [counts[f"with review.threat.{k}"] for k in ("tp", "fp", "fn")] == [2, 1, 0]
    assert [counts[f"flagged.insult.{k}"] for k in ("tp", "fp", "fn")] == [0, 1, 1]
    assert counts["flagged.elsewhere"] == counts["with review.elsewhere"] == 1
    assert (counts["flagged.count"], counts["with review.count"]) == (3, 4)
    assert (counts["flagged.touched"], counts["with review.touched"]) == (1, 2)
    assert counts["flagged.lawful"] == 0
    lawful = measure(CALL | {"severity": "lawful"}, report(HEARD, flags))
    assert (lawful["flagged.lawful"], lawful["with review.lawful"]) == (3, 4)
    errors = describe_errors(CALL, report(HEARD, flags))
    assert [e["category"] for e in errors["false_flags"]] == ["threat", "insult"]
    assert errors["false_flags"][0]["turn"] == CALL["turns"][3]["text"]
    assert [(e["category"], e["start"]) for e in errors["missed"]] == [
        ("threat", 15.5), ("insult", 7.5),
    ]  # fmt: skip


def test_one_flag_over_two_turns_counts_once():
    call = CALL | {"turns": [
        turn("collector", 0.0, 5.0, "", "threat"), turn("collector", 5.2, 10.0, "", "threat")
    ]}  # fmt: skip
    counts = measure(call, report([said("A", "collector", 0, 10)], [flag("threat", 0.0, 10.0)]))
    assert [counts[f"flagged.threat.{k}"] for k in ("tp", "fp", "fn")] == [1, 0, 1]
    assert counts["flagged.touched"] == 2


def test_a_call_that_failed_counts_as_silent():
    counts = measure(CALL, None)
    assert counts["flagged.threat.fn"] == 2
    assert counts["der.missed"] == pytest.approx(counts["der.total"])
    assert counts["cer.all.edits"] == counts["cer.all.length"] > 0
    assert counts["turns_right"] == counts["collector_right"] == counts["speakers_right"] == 0


def test_diarization_error_uses_a_collar_of_a_quarter_second():
    within = [said("A", "collector", 0.2, 4.2), *HEARD[1:]]
    assert measure(CALL, report(within))["der.false_alarm"] == 0
    beyond = [said("A", "collector", 0.0, 4.5), *HEARD[1:]]
    # from 4.25, where the collar ends, to the collar of the next turn, which begins there
    assert measure(CALL, report(beyond))["der.false_alarm"] == pytest.approx(0)
    late = [said("A", "collector", 1.25, 4.0), *HEARD[1:]]
    assert measure(CALL, report(late))["der.missed"] == pytest.approx(1.0)


def test_one_voice_for_two_people():
    merged = [u | {"speaker": "A", "role": "collector"} for u in HEARD]
    counts = measure(CALL, report(merged))
    assert counts["turns_right"] == 3
    assert counts["der.confusion"] > 3
    assert counts["collector_right"] == counts["speakers_right"] == 0


def test_turns_need_more_than_half_of_their_time():
    turns = CALL["turns"][:2]
    assert turns_right(turns, [said("A", "x", 0.0, 4.0), said("B", "y", 5.8, 7.0)]) == 1
    assert turns_right(turns, [said("A", "x", 0.0, 4.0), said("B", "y", 5.7, 7.0)]) == 2
    assert turns_right(turns, []) == 0


def test_people_of_one_role_are_told_apart_by_speaker_id():
    turns = [
        turn("collector", 0.0, 4.0, speaker_id="1"), turn("collector", 4.5, 8.0, speaker_id="2")
    ]  # fmt: skip
    assert turns_right(turns, [said("A", "x", 0.0, 8.0)]) == 1
    assert turns_right(turns, [said("A", "x", 0.0, 4.0), said("B", "x", 4.5, 8.0)]) == 2


@pytest.mark.parametrize(
    ("roles", "right"),
    [
        (("collector", "debtor"), True),
        (("collector", "third_party"), True),
        (("debtor", "collector"), False),
        (("unknown", "unknown"), False),
        (("collector", "collector"), False),
        (("collector", "unknown"), False),
    ],
)
def test_collector_right(roles, right):
    heard = [u | {"role": roles[u["speaker"] == "B"]} for u in HEARD]
    assert collector_right(CALL["turns"], report(heard)) is right


def test_collector_right_where_only_the_collector_speaks():
    turns = [turn("collector", 0.0, 4.0)]
    assert collector_right(turns, report([said("A", "collector", 0.0, 4.0)]))
    assert not collector_right(turns, report([said("A", "unknown", 0.0, 4.0)]))


def test_listener_and_layout():
    third = CALL | {"kind": "third_party_call", "collector_channel": "left"}
    counts = measure(third, report(HEARD, listener="third_party", layout="stereo"))
    assert counts["listener_right"] == counts["layout_right"] == 1
    guarantor = measure(third | {"listener": "guarantor"}, report(HEARD, listener="debtor"))
    assert guarantor["listener_right"] == 1
    assert guarantor["layout_right"] == 0
    visit = measure(CALL | {"kind": "visit"}, report(HEARD))
    assert visit["listener_known"] == visit["listener_right"] == 0


def test_every_figure_uses_counts_that_are_there():
    counts = measure(CALL, report(HEARD))
    for figure in FIGURES:
        assert {*figure.above, *figure.below} <= set(counts), figure.name
    assert len(BY_NAME) == len(FIGURES)


def test_interval():
    figure = Figure("x", {"a": 1}, {"b": 1})
    same = interval(figure, [{"a": 1, "b": 2}] * 5)
    assert same == {"value": 0.5, "low": 0.5, "high": 0.5}
    mixed = [{"a": i % 2, "b": 1} for i in range(40)]
    found = interval(figure, mixed)
    assert found == interval(figure, mixed)
    assert 0.3 < found["low"] < found["value"] == 0.5 < found["high"] < 0.7
    assert interval(figure, [{"a": 0, "b": 0}])["value"] is None
    assert interval(figure, [])["value"] is None


def evaluated(name, flags, **more):
    call = CALL | {"call_id": name} | more
    return evaluate_audio.evaluate(call, report(HEARD, flags), "", 2.0)


def test_the_text_names_groups_and_the_worst_call():
    good = [flag("threat", 7.6, 11.9), flag("insult", 7.6, 11.9), flag("threat", 15.6, 19.9)]
    results = [
        evaluated("good", good),
        evaluated("bad", [], kind="third_party_call"),
        evaluate_audio.evaluate(CALL | {"call_id": "broken"}, None, "cannot be read", 0.1),
    ]
    groups = summarise(results)
    assert {"all", "layout=mono", "kind=debtor_call", "kind=third_party_call"} <= set(groups)
    assert groups["all"]["figures"]["flagged: micro recall"]["value"] == pytest.approx(1 / 3, 1e-3)
    assert groups["kind=third_party_call"]["figures"]["flagged: micro recall"]["value"] == 0
    text = render(results, groups, timing(results))
    assert "broken: cannot be read" in text
    worst = text[text.index("worst calls") :]
    assert worst.index("broken") < worst.index("\nbad") < worst.index("\ngood")
    json.dumps([groups, timing(results)])


def test_find_takes_calls_with_their_recordings(tmp_path):
    (tmp_path / "b.json").write_text(json.dumps(CALL | {"audio": "b.amr"}), "utf-8")
    (tmp_path / "b.amr").write_bytes(b"x")
    plain = {k: v for k, v in CALL.items() if k != "call_id"}
    (tmp_path / "a.json").write_text(json.dumps(plain), "utf-8")
    (tmp_path / "a.m4a").write_bytes(b"x")
    (tmp_path / "c.json").write_text(json.dumps(CALL), "utf-8")
    (tmp_path / "d.json").write_text("[]", "utf-8")
    found = evaluate_audio.find(tmp_path)
    assert [(call["call_id"], path.name) for call, path in found] == [
        ("a", "a.m4a"), ("T1", "b.amr"),
    ]  # fmt: skip


def test_main_writes_json_that_is_the_same_but_for_the_times(tmp_path, monkeypatch, capsys):
    (tmp_path / "t.json").write_text(json.dumps(CALL), "utf-8")
    (tmp_path / "t.wav").write_bytes(b"x")
    seconds = iter([1.0, 2.0])

    def scan_all(recordings, jobs, options):
        assert (jobs, options) == (1, ["--listener", "debtor"])
        return [(report(HEARD) | {"settings": {}}, "", next(seconds)) for _ in recordings]

    monkeypatch.setattr(evaluate_audio, "scan_all", scan_all)
    written = []
    for name in ("one.out", "two.out"):
        arguments = [str(tmp_path), "--json", str(tmp_path / name), "--", "--listener", "debtor"]
        assert evaluate_audio.main(arguments) == 0
        data = json.loads((tmp_path / name).read_text("utf-8"))
        assert data.pop("timing")["wall_s"] == len(written) + 1
        written.append(data)
    assert written[0] == written[1]
    assert "diarization error rate" in capsys.readouterr().out


def test_folders_are_compared_by_layout_and_noise(tmp_path, monkeypatch, capsys):
    for name, more in (("mono10", {}), ("mono30", {}), ("quiet", {"snr_db": 30.0})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "t.json").write_text(json.dumps(CALL | more), "utf-8")
        (tmp_path / name / "t.wav").write_bytes(b"x")

    def scan_all(recordings, jobs, options):
        return [(report(HEARD) | {"settings": {}}, "", 1.0) for _ in recordings]

    monkeypatch.setattr(evaluate_audio, "scan_all", scan_all)
    target = tmp_path / "out"
    folders = [str(tmp_path / name) for name in ("mono10", "mono30", "quiet")]
    assert evaluate_audio.main([*folders, "--json", str(target)]) == 0
    groups = json.loads(target.read_text("utf-8"))["groups"]
    calls = {name: group["calls"] for name, group in groups.items()}
    assert calls["setting=mono 10 dB"] == 1
    assert calls["noise=30 dB"] == calls["setting=mono 30 dB"] == 2
    assert calls["channel=8 kHz"] == 3
    assert "mono10/" in capsys.readouterr().out


def test_scores_are_not_numpy_types():
    for value in measure(CALL, report(HEARD)).values():
        assert not isinstance(value, np.generic)

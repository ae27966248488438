"""Options of a scan come as form fields; what they mean is what the command line means."""

import pytest

from api.errors import BadOptionError
from api.options import COLLECTORS, FIELDS, SCRIPTS, read_options
from detector.case import CaseFacts
from detector.scan import ScanOptions
from detector.text import SCRIPTS as KNOWN_SCRIPTS


def test_every_option_is_read() -> None:
    options = read_options(
        [
            ("collector", "left"), ("listener", "third-party"), ("script", "traditional"),
            ("started_at", "2026-03-05T22:41:07"), ("beam_size", "3"),
            ("threshold", "threat=0.7"), ("threshold", "insult=.5"), ("lender_type", "消费金融"),
            ("answered_by", "colleague"), ("caller_number", "010-1"), ("lender", "某公司"),
            ("language", "en"), ("note", ""), ("second_look", "false"),
        ]
    )  # fmt: skip
    assert options == {
        "collector": ["left"],
        "listener": "third-party",
        "script": "traditional",
        "started_at": "2026-03-05T22:41:07+08:00",
        "beam_size": 3,
        "thresholds": {"threat": 0.7, "insult": 0.5},
        "language": "en",
        "second_look": False,
        "facts": {
            "lender_type": "consumer_finance", "answered_by": "colleague",
            "caller_number": "010-1", "parties": {"lender": "某公司"},
        },
    }  # fmt: skip
    ScanOptions(
        collector=tuple(options["collector"]), listener=options["listener"],
        script=options["script"], started_at=options["started_at"],
        beam_size=options["beam_size"], thresholds=options["thresholds"],
        case=CaseFacts(options["facts"]), second_look=options["second_look"],
    ).check()  # fmt: skip


def test_what_is_not_given_stays_with_the_scanner() -> None:
    assert read_options([]) == {}
    assert read_options([("listener", ""), ("threshold", " ")]) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("collector", "middle"), ("collector", "AB"), ("listener", "somebody"),
        ("script", "latin"), ("started_at", "昨天"), ("started_at", "9999-99-99"),
        ("beam_size", "0"), ("beam_size", "21"), ("beam_size", "1e3"), ("beam_size", "٣"),
        ("threshold", "threat"), ("threshold", "threat=nan"), ("threshold", "threat=2"),
        ("threshold", "anger=0.5"), ("lender_type", "赌场"), ("answered_by", "猫"),
        ("note", "x" * 2000), ("note", "a\0b"), ("whisper_model", "/etc/passwd"), ("file ", "x"),
        ("language", "fr"), ("second_look", "perhaps"),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_in_both_languages(name: str, value: str) -> None:
    with pytest.raises(BadOptionError) as refused:
        read_options([(name, value)])
    assert refused.value.status == 422
    assert any("\u4e00" <= c <= "\u9fff" for c in refused.value.detail)
    assert refused.value.detail_en.isascii() or name in ("lender_type", "answered_by")
    assert len(refused.value.detail) < 500


def test_an_option_is_given_once() -> None:
    with pytest.raises(BadOptionError, match="script"):
        read_options([("script", "traditional"), ("script", "simplified")])


def test_the_scanner_takes_what_is_offered() -> None:
    assert set(SCRIPTS) == set(KNOWN_SCRIPTS)
    for name in COLLECTORS:
        ScanOptions(collector=(name,)).check()
    assert FIELDS["beam_size"]["maximum"] == 20

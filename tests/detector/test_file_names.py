"""File names: each recorder's own form, the near misses, and what is said to be unsure."""

import datetime as dt
import time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.file_names import PATTERNS, normal_number, started_from_name

CALL = dt.datetime(2026, 3, 5, 22, 41, 7)

# pattern, name, number, direction, contact
KNOWN = [
    ("xiaomi", "通话录音@钱经理(13800138000)_20260305224107.mp3", "13800138000", None, "钱经理"),
    ("xiaomi", "138 0013 8000(13800138000)_20260305224107.mp3", "13800138000", None, None),
    ("xiaomi", "通话录音@甲(008613800138000)_乙(10010)_20260305224107.mp3", "13800138000", None,
     "甲"),
    ("xiaomi_number", "通话录音@02088886666_20260305224107.mp3", "02088886666", None, None),
    ("huawei", "钱经理@+8613800138000_20260305224107.amr", "13800138000", None, "钱经理"),
    ("huawei", "钱经理@13800138000_20260305224107_1.amr", "13800138000", None, "钱经理"),
    ("honor", "13800138000_20260305224107.amr", "13800138000", None, None),
    ("vivo", "13800138000 2026-03-05 22-41-07.amr", "13800138000", None, None),
    ("vivo", "钱经理 2026-03-05 22-41-07.amr", None, None, "钱经理"),
    ("samsung", "Call recording 钱经理_260305_224107.m4a", None, None, "钱经理"),
    ("samsung", "通话录音 +86 138 0013 8000_260305_224107.m4a", "13800138000", None, None),
    ("lineageos", "+4912345678901_260305_224107577.amr", "+4912345678901", None, None),
    ("grapheneos", "CallRecord_20260305-224107_+12015550123.m4a", "+12015550123", None, None),
    ("bcr", "20260305_224107.459+0800_in_sim2_13800138000_钱经理.oga", "13800138000", "in",
     "钱经理"),
    ("bcr", "20260305_224107+0800_out_10010.oga", "10010", "out", None),
    ("cube_acr", "2026-03-05 22-41-07 (phone) 钱经理 (138 0013 8000) ↙.m4a", "13800138000", "in",
     "钱经理"),
    ("cube_acr", "2026-03-05 22-41-07 (phone) 13800138000 (13800138000) ↗.amr", "13800138000",
     "out", None),
    ("cube_acr", "2026-03-05 22-41-07 (wechat) 钱经理.m4a", None, None, "钱经理"),
    ("cube_acr_old", "phone_20260305-224107_+8613800138000.amr", "13800138000", None, None),
    ("true_phone", "10010 @ 2026-03-05_224107_out.amr", "10010", "out", None),
    ("true_phone", "钱经理 (13800138000 手机) 2026-03-05_224107_in.amr", "13800138000", "in",
     "钱经理"),
    ("spreadtrum", "SIM2_05032026_224107.amr", None, None, None),
    ("voicecall", "voicecall-20260305224107.amr", None, None, None),
    ("voice_memos", "20260305 224107-1A2B3C4D.m4a", None, None, None),
    ("voice_memos", "20260305 224107.m4a", None, None, None),
    ("wechat", "msg_072241030526919ac9300d9102.amr", None, None, None),
    ("telegram", "audio_7@05-03-2026_22-41-07.ogg", None, None, None),
    ("freepbx", "out-13800138000-3201-20260305-224107-1772721667.12206.wav", "13800138000", "out",
     None),
    ("freepbx", "q-600-13800138000-20260305-224107-1772721667.12206.wav", "13800138000", "in",
     None),
    ("asterisk_out", "OUT302-13800138000-20260305-224107-1772721667.12.WAV", "13800138000", "out",
     None),
    ("asterisk", "20260305-224107-1772721667.12.gsm", None, None, None),
    ("vicidial", "20260305-224107_13800138000-all.mp3", "13800138000", None, None),
    ("telesis", "38436_260305_224107_AO_001OPERATOR_94837583_001_4B4F46C2_C0A80541.mp3", None,
     None, None),
    ("miarec", "2026-03-05-224107.mp3", None, None, None),
    ("miarec_plain", "20260305224107_2.mp3", None, None, None),
    ("any_12h", "WhatsApp Audio 2026-03-05 at 10.41.07 PM.ogg", None, None, None),
    ("any_12h", "录音 2026年03月05日 下午10点41分07秒.m4a", None, None, None),
    ("any_24h", "rec_20260305_224107.flac", None, None, None),
    ("any_24h", "催收电话2026.03.05 22\uff1a41\uff1a07.m4a", None, None, None),
    ("any_day_first", "05-03-2026_22-41-07.wav", None, None, None),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "name", "number", "direction", "contact"), KNOWN)
def test_a_recorders_name(
    pattern: str, name: str, number: str | None, direction: str | None, contact: str | None
) -> None:
    found = started_from_name(name)
    assert found is not None
    assert (found.pattern, found.number, found.direction, found.contact) == (
        pattern, number, direction, contact,
    )  # fmt: skip
    assert found.start.replace(tzinfo=None) == CALL
    assert found.start.utcoffset() == dt.timedelta(hours=8)


def test_without_seconds() -> None:
    found = started_from_name("13800138000-2603052241.mp3")
    assert found is not None
    assert (found.pattern, found.number, found.reliability) == ("coloros", "13800138000", "low")
    assert found.start.isoformat() == "2026-03-05T22:41:00+08:00"
    assert "没有秒" in str(found.note)


def test_every_pattern_is_tried_here() -> None:
    assert {pattern.id for pattern in PATTERNS} == {row[0] for row in KNOWN} | {"coloros"}
    assert all(pattern.source for pattern in PATTERNS)


# one near miss for each pattern: what its own expression must not take
NEAR_MISSES = [
    ("xiaomi", "通话录音@钱经理(甲乙丙)_20260305224107.mp3"),
    ("xiaomi_number", "通话录音@钱经理_20260305224107.mp3"),
    ("huawei", "钱经理@13800138000_202603052241.amr"),
    ("honor", "13800138000_20261305224107.amr"),
    ("coloros", "13800138000-2613052241.mp3"),
    ("vivo", "2026-03-05 22-41-07.amr"),
    ("samsung", "Call recording 钱经理_20260305_224107.m4a"),
    ("lineageos", "+4912345678901_260305_244107.amr"),
    ("grapheneos", "CallRecord_20260305_224107_+12015550123.m4a"),
    ("bcr", "20260305_224107.459_in_13800138000.oga"),
    ("cube_acr", "2026-03-05 22-41-07 phone 钱经理.m4a"),
    ("cube_acr_old", "phone_20260305_224107_+8613800138000.amr"),
    ("true_phone", "10010 @ 2026-03-05_224107.amr"),
    ("spreadtrum", "SIM2_03252026_224107.amr"),
    ("voicecall", "voicecall_20260305224107.amr"),
    ("voice_memos", "20260305_224107.m4a"),
    ("wechat", "msg_612241030526919ac9300d9102.amr"),
    ("telegram", "audio_7@2026-03-05_22-41-07.ogg"),
    ("freepbx", "out-13800138000-3201-20260305-224107.wav"),
    ("asterisk_out", "OUT-13800138000-20260305-224107.WAV"),
    ("asterisk", "20260305-224107-1772721667.gsm"),
    ("vicidial", "20260305-224107-13800138000-all.mp3"),
    ("telesis", "384365812_260305_224107_AO_001_9.mp3"),
    ("miarec", "2026-03-05-2241.mp3"),
    ("miarec_plain", "2026030522410.mp3"),
    ("any_12h", "2026-03-05 at 13.41.07 PM.ogg"),
    ("any_24h", "订单202603052241071.wav"),
    ("any_day_first", "32-03-2026_22-41-07.wav"),
]


@pytest.mark.parametrize(("pattern", "name"), NEAR_MISSES)
def test_a_near_miss_is_not_taken_for_it(pattern: str, name: str) -> None:
    found = started_from_name(name)
    assert found is None or found.pattern != pattern


def test_every_pattern_has_a_near_miss() -> None:
    assert {pattern.id for pattern in PATTERNS} == {row[0] for row in NEAR_MISSES}


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "新录音 12.m4a", "13800138000.amr", "abusive_debtor.m4a", "3.14.mp3",
        "20260230_224107.wav", "20260305_254107.wav", "20260305.wav", "2026-03-05.m4a",
        "sha256_0807ebd2c7e535cb8d30f4b2a4a0c95382a7bab8c585cb80304fdf363fcf1d2e.wav",
        "622202601234567890123.wav",
    ],
)  # fmt: skip
def test_no_time_is_made_up(name: str) -> None:
    assert started_from_name(name) is None


def test_copies_and_folders_do_not_matter() -> None:
    plain = started_from_name("13800138000_20260305224107.amr")
    for name in (
        "/sdcard/Sounds/CallRecord/13800138000_20260305224107.amr",
        "13800138000_20260305224107 (1).amr",
        "13800138000_20260305224107 - 副本.amr",
        "13800138000_20260305224107",
    ):
        assert started_from_name(name) == plain


def test_two_digit_years_and_day_order_say_so() -> None:
    unclear = started_from_name("Call recording 钱经理_210522_224107.m4a")
    assert unclear is not None
    assert unclear.start.year == 2021
    assert unclear.reliability == "low"
    assert "2022 年" in str(unclear.note)
    clear = started_from_name("Call recording 钱经理_260305_224107.m4a")
    assert clear is not None
    assert clear.reliability == "medium"
    either = started_from_name("05-03-2026_22-41-07.wav")
    assert either is not None
    assert "月-日-年" in str(either.note)
    only_one = started_from_name("25-03-2026_22-41-07.wav")
    assert only_one is not None
    assert "月-日-年" not in str(only_one.note)


@pytest.mark.parametrize(
    ("half", "hour"), [("12.05.07 AM", 0), ("12.05.07 PM", 12), ("01.05.07 PM", 13)]
)
def test_twelve_hour_clocks(half: str, hour: int) -> None:
    found = started_from_name(f"Audio 2026-03-05 at {half}.ogg")
    assert found is not None
    assert found.start.hour == hour


def test_time_zones() -> None:
    summer = started_from_name("13800138000_19880701120000.amr")
    assert summer is not None
    assert summer.start.utcoffset() == dt.timedelta(hours=9)  # Shanghai had summer time
    abroad = started_from_name("13800138000_20260701120000.amr", ZoneInfo("Europe/Berlin"))
    assert abroad is not None
    assert abroad.start.isoformat() == "2026-07-01T12:00:00+02:00"
    twice = started_from_name("13800138000_20261025023000.amr", ZoneInfo("Europe/Berlin"))
    assert twice is not None
    assert twice.reliability == "low"
    assert "夏令时" in str(twice.note)
    own = started_from_name("20260305_224107.459-0500_in_10010.oga")
    assert own is not None
    assert own.start.isoformat() == "2026-03-05T22:41:07-05:00"


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+86 138-0013-8000", "13800138000"), ("008613800138000", "13800138000"),
        ("+862088886666", "2088886666"), ("\uff11\uff10\uff10\uff18\uff16", "10086"),
        ("8612345", "8612345"), ("*100#", "*100#"), ("+1 201 555 0123", "+12015550123"),
        ("", None), (None, None), ("私人号码", None),
    ],
)  # fmt: skip
def test_numbers(written: str | None, number: str | None) -> None:
    assert normal_number(written) == number


@given(st.text(max_size=255))
def test_any_name_is_endured(name: str) -> None:
    found = started_from_name(name)
    assert found is None or found.start.tzinfo is not None


def test_long_names_take_no_time() -> None:
    began = time.monotonic()
    for part in ("(1", "_2026", "2026-03-05 ", "1 ", "@", "甲_(1)_", "20260305 at "):
        started_from_name((part * 255)[:255])
    assert time.monotonic() - began < 2.0

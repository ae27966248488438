"""The facts file: what is stated is taken over, what is not understood is refused."""

from pathlib import Path

import pytest

from detector.case import CaseFacts, parse_start, read_case
from detector.errors import OptionError


def read(folder: Path, text: str | bytes) -> CaseFacts:
    path = folder / "案情.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_case(path)


def test_everything_stated(tmp_path: Path) -> None:
    facts = read(
        tmp_path,
        """
        lender_type = "消费金融"
        answered_by = "同事"
        recorded_by = "本人"
        caller_number = 95188
        started_at = 2026-03-05T22:41:07
        [parties]
        debtor = "李某"
        agency = "某公司"
        """,
    )
    assert facts.facts == {
        "lender_type": "consumer_finance",
        "answered_by": "colleague",
        "recorded_by": "本人",
        "caller_number": "95188",
        "parties": {"debtor": "李某", "agency": "某公司"},
    }
    assert facts.started_at == "2026-03-05T22:41:07+08:00"


def test_empty_file_states_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "# nothing\n") == CaseFacts()
    assert CaseFacts().listener is None


def test_byte_order_mark_of_notepad(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbflender_type = 'bank'").facts == {"lender_type": "bank"}


@pytest.mark.parametrize(
    ("answered_by", "listener"),
    [
        ("本人", "debtor"),
        ("担保人", "debtor"),
        ("共同借款人", "debtor"),
        ("guarantor", "debtor"),
        ("同事", "third_party"),
        ("配偶", "third_party"),
        ("parent", "third_party"),
        ("其他", "third_party"),
    ],
)
def test_listener(tmp_path: Path, answered_by: str, listener: str) -> None:
    assert read(tmp_path, f'answered_by = "{answered_by}"').listener == listener


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-05T22:41:07", "2026-03-05T22:41:07+08:00"),
        ("2026-03-05 22:41", "2026-03-05T22:41:00+08:00"),
        ("2026/03/05 22:41:07", "2026-03-05T22:41:07+08:00"),
        (" 2026-03-05 ", "2026-03-05T00:00:00+08:00"),
        ("2026-03-05T14:41:07Z", "2026-03-05T14:41:07+00:00"),
        ("2026-03-05T22:41:07.250+09:00", "2026-03-05T22:41:07+09:00"),
    ],
)
def test_parse_start(value: str, expected: str) -> None:
    assert parse_start(value) == expected


@pytest.mark.parametrize("value", ["", "昨天", "22:41", "2026-13-05", "2026-02-30T10:00"])
def test_parse_start_refuses(value: str) -> None:
    with pytest.raises(OptionError, match="ISO 8601"):
        parse_start(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('lender_type = "银行吧"', "lender_type"),
        ('answered_by = "猫"', "answered_by"),
        ("answered_by = 5", "answered_by"),
        ('answered_by = ["同事"]', "answered_by"),
        ("lender_type = {a = 1}", "lender_type"),
        ('answerd_by = "同事"', "answerd_by"),
        ("[party]\na = 1", "party"),
        ('parties = "李某"', "parties"),
        ("started_at = 5", "started_at"),
        ("started_at = 2026-03-05", "started_at"),
        ('started_at = "昨天晚上"', "ISO 8601"),
        ("lender_type = 银行", "cannot read facts"),
        ("not toml at all", "cannot read facts"),
        ("lender_type = '银行'".encode("gbk"), "cannot read facts"),
    ],
)
def test_refused_with_one_line(tmp_path: Path, text: str | bytes, reason: str) -> None:
    with pytest.raises(OptionError) as caught:
        read(tmp_path, text)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_and_folder(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="not found"):
        read_case(tmp_path / "没有.toml")
    with pytest.raises(OptionError, match="cannot read facts"):
        read_case(tmp_path)

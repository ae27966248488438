"""Facts about the case that no recording tells: `--case FACTS.toml`.

::

    lender_type = "消费金融"        # 银行 消费金融 小贷 助贷平台 未持牌 不明
    answered_by = "同事"            # 本人 配偶 父母 子女 亲属 同事 雇主 朋友 邻居
                                   # 担保人 共同借款人 其他
    recorded_by = "本人"
    caller_number = "…"
    called_number = "…"
    started_at = 2026-03-05T22:41:07
    [parties]
    debtor = "…"
    lender = "…"
    agency = "…"

Nothing of this is ever guessed from the words of a call.
"""

import datetime as dt
import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from detector.errors import OptionError

__all__ = ["CaseFacts", "parse_start", "read_case"]

SHANGHAI = ZoneInfo("Asia/Shanghai")
LENDER_TYPES = {
    "银行": "bank",
    "信用卡": "bank",
    "消费金融": "consumer_finance",
    "消金": "consumer_finance",
    "小贷": "microloan",
    "助贷平台": "platform",
    "未持牌": "unlicensed",
    "不明": "unknown",
}
ANSWERED_BY = {
    "本人": "debtor",
    "配偶": "spouse",
    "父母": "parent",
    "子女": "child",
    "亲属": "relative",
    "同事": "colleague",
    "雇主": "employer",
    "朋友": "friend",
    "邻居": "neighbour",
    "担保人": "guarantor",
    "共同借款人": "co_borrower",
    "其他": "other",
}
MAY_BE_TOLD = ("debtor", "guarantor", "co_borrower")
_TEXTS = ("recorded_by", "caller_number", "called_number", "note")


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What the user states; empty where nothing was stated."""

    facts: dict[str, Any] = field(default_factory=dict)
    started_at: str | None = None

    @property
    def listener(self) -> str | None:
        """ "debtor" if who answered may be told of the debt, "third_party" if not."""
        answered = self.facts.get("answered_by")
        if answered is None:
            return None
        return "debtor" if answered in MAY_BE_TOLD else "third_party"


def parse_start(value: str | dt.datetime) -> str:
    """Return ISO 8601 with offset; a time without one is taken as Asia/Shanghai."""
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value.strip().replace("/", "-"))
        except ValueError:
            raise OptionError(
                f"看不懂时间 {value!r},请写成 2026-03-05T22:41:07 (not an ISO 8601 time)。"
            ) from None
    if value.tzinfo is None:
        value = value.replace(tzinfo=SHANGHAI)
    return value.isoformat(timespec="seconds")


def _one_of(data: dict[str, Any], key: str, names: dict[str, str], where: str) -> str | None:
    value = data.pop(key, None)
    if value is None:
        return None
    if isinstance(value, str) and value in names:
        return names[value]
    if value in names.values():
        return str(value)
    raise OptionError(f"{where} 里的 {key} 应为:{'、'.join(names)} (unknown value {value!r})。")


def read_case(path: str | os.PathLike[str]) -> CaseFacts:
    """Read a facts file.

    Raises:
        OptionError: it cannot be read, or holds a key or value that is not known.
    """
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise OptionError(f"找不到案情文件 {path} (facts file not found)。") from None
    except (OSError, ValueError, RecursionError) as error:
        raise OptionError(f"无法读取案情文件 {path.name}:{error} (cannot read facts)。") from None
    facts: dict[str, Any] = {}
    for key, names in (("lender_type", LENDER_TYPES), ("answered_by", ANSWERED_BY)):
        value = _one_of(data, key, names, path.name)
        if value is not None:
            facts[key] = value
    started = data.pop("started_at", None)
    if started is not None and not isinstance(started, (str, dt.datetime)):
        raise OptionError(f"{path.name} 里的 started_at 应为日期时间 (not a time)。")
    for key in _TEXTS:
        if key in data:
            facts[key] = str(data.pop(key))
    parties = data.pop("parties", {})
    if not isinstance(parties, dict):
        raise OptionError(f"{path.name} 里的 parties 应为一节 [parties] (not a table)。")
    if parties:
        facts["parties"] = {str(key): str(value) for key, value in parties.items()}
    if data:
        raise OptionError(
            f"{path.name} 里有不认识的项:{'、'.join(data)} (unknown keys in the facts file)。"
        )
    return CaseFacts(facts, parse_start(started) if started is not None else None)

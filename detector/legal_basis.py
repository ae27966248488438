"""Which rules a passage may touch: versioned data, chosen by date, lender and listener.

The data stand in `legal_basis.json`, one record a rule. Nothing here is a verdict: what is
printed says 可能涉及, with source and version, and a lawyer checks it against the official text.
"""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = [
    "NOTE",
    "Rule",
    "basis_for",
    "basis_note",
    "basis_version",
    "date_decides",
    "retention",
    "rules",
]

NOTE = "可能涉及的规定由机器按通话日期、贷款机构类型和接听人列出,不是对行为性质的认定。"
CONFIDENCE = {"V": "已读条文", "S": "二手资料,未读条文"}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it was in force in one period (days in Asia/Shanghai, both included).

    `conduct` maps a category (or an observation's kind) to its sub-types, `*` for all.
    `lender_types` are those of `detector.case`, or `any`; `listeners` debtor or third_party.
    `confidence` is V (article read in a copy of the text) or S (a secondary page).
    """

    id: str
    title: str
    article: str
    in_force_from: dt.date
    in_force_to: dt.date | None
    lender_types: tuple[str, ...]
    reference_only_for: tuple[str, ...]
    listeners: tuple[str, ...]
    conduct: Mapping[str, tuple[str, ...]]
    paraphrase: str
    condition: str
    source: str
    confidence: str
    needs_illegal_debt: bool

    @property
    def name(self) -> str:
        """Title and article, as 《中华人民共和国民法典》第1032条."""
        title = self.title if "《" in self.title else f"《{self.title}》"
        space = "" if self.article.startswith("第") else " "
        return f"{title}{space}{self.article}".rstrip()

    @property
    def period(self) -> str:
        """When it is in force, as 2006-03-01 至 2025-12-31."""
        until = f" 至 {self.in_force_to}" if self.in_force_to else " 起"
        return f"{self.in_force_from}{until}"

    def in_force(self, on: dt.date) -> bool:
        return self.in_force_from <= on and (self.in_force_to is None or on <= self.in_force_to)

    def covers(self, category: str, subtype: str) -> bool:
        mine = self.conduct.get(category, ())
        return "*" in mine or subtype in mine

    def reference_only(self, lender_type: str | None) -> bool:
        """Whether it is named for reference only, since the lender's type is not known."""
        return (lender_type or "unknown") in self.reference_only_for


@cache
def _file() -> dict[str, Any]:
    text = (files("detector") / "legal_basis.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@cache
def rules() -> tuple[Rule, ...]:
    """Return every rule of the data, the strong and civil ones first, criminal law last."""
    data, found = _file(), []
    for record in data["rules"]:
        until = record["in_force_to"]
        dates = {
            "in_force_from": dt.date.fromisoformat(record["in_force_from"]),
            "in_force_to": dt.date.fromisoformat(until) if until else None,
        }
        lists = {
            key: tuple(record[key]) for key in ("lender_types", "reference_only_for", "listeners")
        }
        conduct = {key: tuple(value) for key, value in record["conduct"].items()}
        found.append(Rule(**{**record, **dates, **lists, "conduct": conduct}))
    return tuple(found)


def basis_version() -> str:
    """Return the version of the data."""
    return str(_file()["version"])


def basis_note() -> str:
    """Return what the data say of themselves: no official wording, check before use."""
    return str(_file()["note"])


def basis_for(
    category: str,
    subtype: str,
    on: dt.date | None,
    lender_type: str | None,
    listener: str | None,
    *,
    illegal_debt: bool = False,
) -> tuple[Rule, ...]:
    """Return the rules that a passage may touch.

    Args:
        category: threat, insult, third_party_disclosure, or the kind of an observation.
        subtype: of the category; any text for an observation.
        on: the day of the call in Asia/Shanghai. Where it is not known (None) the rules of
            every period are returned: the date then decides (`date_decides`).
        lender_type: bank, consumer_finance, microloan, platform, unlicensed or unknown; None
            is unknown. Industry rules bind only the lenders they are made for.
        listener: debtor or third_party. Where it is not known (None) only what applies to
            both is returned: insult to the debtor alone is not said in public.
        illegal_debt: whether somebody states that the debt itself is illegal (usury and the
            like). Without it the crime of collecting illegal debts is never named.
    """
    lender_type = lender_type or "unknown"
    heard_by = {listener} if listener else {"debtor", "third_party"}
    return tuple(
        rule
        for rule in rules()
        if rule.covers(category, subtype)
        and (on is None or rule.in_force(on))
        and ("any" in rule.lender_types or lender_type in rule.lender_types)
        and heard_by <= {*rule.listeners}
        and (illegal_debt or not rule.needs_illegal_debt)
    )


def date_decides(rule: Rule) -> bool:
    """Whether another version of this rule stands in the data, so that the date decides."""
    return rule.in_force_to is not None or any(
        other.title == rule.title and other.in_force_to is not None for other in rules()
    )


def retention(lender_type: str | None) -> tuple[str, ...]:
    """Return how long a lender has to keep its own recordings, each with its source.

    For a lender whose type is not known every line is returned: the type then decides.
    """
    lender_type = lender_type or "unknown"
    return tuple(
        f"{record['text']}(来源:{record['source']})"
        for record in _file()["retention"]
        if lender_type in record["lender_types"] or lender_type == "unknown"
    )

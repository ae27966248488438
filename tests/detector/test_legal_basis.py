"""The rules that a passage may touch, held against what is known of them."""

import datetime as dt
import json
from importlib.resources import files

import pytest

from detector.case import LENDER_TYPES
from detector.labels import OBSERVATION_NAMES, SUBTYPES
from detector.legal_basis import basis_for, date_decides, retention, rules

OLD, NEW = dt.date(2025, 12, 31), dt.date(2026, 1, 1)
SECURITY = "中华人民共和国治安管理处罚法"
STATUTES = {
    "中华人民共和国民法典", "中华人民共和国消费者权益保护法", "中华人民共和国个人信息保护法",
    "中华人民共和国妇女权益保障法", SECURITY, "中华人民共和国刑法",
}  # fmt: skip
PASSAGES = [(category, sub) for category, group in SUBTYPES.items() for sub in group]


def articles(
    category: str, subtype: str, on: dt.date | None, lender: str = "bank", listener: str = "debtor"
) -> list[str]:
    found = basis_for(category, subtype, on, lender, listener)
    return [rule.article for rule in found if rule.title == SECURITY]


def ids(*asked: object, **more: bool) -> set[str]:
    return {rule.id for rule in basis_for(*asked, **more)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("category", "subtype", "listener", "old", "new"),
    [
        ("threat", "family", "debtor", "第42条第1项", "第50条第1款第1项"),
        ("insult", "mockery", "third_party", "第42条第2项", "第50条第1款第2项"),
        ("threat", "veiled", "debtor", "第42条第5项", "第50条第1款第5项"),
        ("third_party_disclosure", "reported", "debtor", "第42条第6项", "第50条第1款第6项"),
        ("impersonation", "", "debtor", "第51条", "第62条"),
        ("forged_documents", "", "debtor", "第52条", "第63条"),
        ("threat", "violence", "debtor", "第26条", "第30条"),
    ],
)
def test_public_security_law_by_the_day_of_the_call(
    category: str, subtype: str, listener: str, old: str, new: str
) -> None:
    before = articles(category, subtype, OLD, listener=listener)
    after = articles(category, subtype, NEW, listener=listener)
    assert old in before and new not in before
    assert new in after and old not in after
    unknown = articles(category, subtype, None, listener=listener)
    assert {old, new} <= {*unknown}


def test_a_rule_of_which_the_date_decides_says_so() -> None:
    found = basis_for("threat", "violence", None, "bank", "debtor")
    assert {rule.title for rule in found if date_decides(rule)} == {SECURITY}
    for rule in found:
        if rule.title == SECURITY:
            assert ("2025-12-31" in rule.period) != ("2026-01-01" in rule.period)


def test_what_the_old_public_security_law_did_not_have() -> None:
    asked = ("third_party_disclosure", "personal_data")
    assert "第56条" in articles(*asked, NEW) and "第56条" not in articles(*asked, OLD)
    assert "第50条第2款" in articles("threat", "harassment", NEW)
    assert "第50条第2款" not in articles("threat", "harassment", OLD)


@pytest.mark.parametrize("subtype", SUBTYPES["insult"])
def test_insult_to_the_debtor_alone_is_not_public(subtype: str) -> None:
    public = {"civil-1024", "criminal-246", "security-new-insult"}
    strong = {"civil-109", "civil-990-2", "civil-1032", "civil-1033-1"}
    alone = ids("insult", subtype, NEW, "unknown", "debtor")
    heard = ids("insult", subtype, NEW, "unknown", "third_party")
    nobody_knows = ids("insult", subtype, NEW, "unknown", None)
    assert strong <= alone and not public & alone and not public & nobody_knows
    assert strong | public <= heard


def test_crime_of_collecting_illegal_debts_only_where_the_debt_is_said_to_be_illegal() -> None:
    for category, subtype in PASSAGES:
        for lender in {*LENDER_TYPES.values()}:
            assert "criminal-293-1" not in ids(category, subtype, None, lender, "third_party")
    assert "criminal-293-1" in ids(
        "threat", "violence", NEW, "unlicensed", "debtor", illegal_debt=True
    )


@pytest.mark.parametrize(("category", "subtype"), PASSAGES)
def test_unlicensed_lenders_answer_to_statutes_only(category: str, subtype: str) -> None:
    found = basis_for(category, subtype, dt.date(2026, 3, 1), "unlicensed", "third_party")
    assert found
    assert {rule.title for rule in found} <= STATUTES | {
        rule.title for rule in rules() if rule.id == "soft-violence"
    }


def test_lender_not_known_adds_the_standard_as_a_reference_only() -> None:
    asked = ("third_party_disclosure", "to_third_party", dt.date(2026, 3, 1))
    licensed_none = ids(*asked, "unlicensed", "third_party")
    assert ids(*asked, "unknown", "third_party") == licensed_none | {"gbt-45251"}
    assert ids(*asked, None, "third_party") == licensed_none | {"gbt-45251"}
    standard = next(rule for rule in rules() if rule.id == "gbt-45251")
    assert standard.reference_only("unknown") and standard.reference_only(None)
    assert not standard.reference_only("platform")


@pytest.mark.parametrize(
    ("rule", "lenders"),
    [
        ("card-68", {"bank"}),
        ("consumer-finance", {"consumer_finance"}),
        ("microloan", {"microloan"}),
        ("cba-guideline", {"bank", "consumer_finance"}),
        ("finance-consumer-41", {"bank", "consumer_finance"}),
        ("nifa-convention", {"consumer_finance", "microloan", "platform"}),
        ("assisted-loans", {"bank", "platform"}),
    ],
)
def test_industry_rules_bind_the_lenders_they_are_made_for(rule: str, lenders: set[str]) -> None:
    on = dt.date(2026, 3, 1)
    bound = {
        lender
        for lender in LENDER_TYPES.values()
        if rule in ids("threat", "detention_or_arrest", on, lender, "debtor")
    }
    assert bound == lenders


@pytest.mark.parametrize(
    ("rule", "first_day"),
    [
        ("gbt-45251", "2025-02-28"),
        ("cba-guideline", "2026-01-30"),
        ("consumer-finance", "2024-04-18"),
        ("microloan", "2025-01-17"),
        ("assisted-loans", "2025-10-01"),
        ("nifa-convention", "2018-03-28"),
        ("soft-violence", "2019-04-09"),
    ],
)
def test_no_rule_before_it_was_made(rule: str, first_day: str) -> None:
    day = dt.date.fromisoformat(first_day)
    made = next(one for one in rules() if one.id == rule)
    assert made.in_force(day) and not made.in_force(day - dt.timedelta(days=1))


def test_numbers_that_could_not_be_established_are_not_printed() -> None:
    by_id = {rule.id: rule for rule in rules()}
    for name in ("consumer-finance", "microloan", "nifa-convention", "cba-guideline"):
        assert by_id[name].article == ""
        assert by_id[name].name.endswith("》")
    assert by_id["gbt-45251"].article == "5.3"
    # read in a page that repeats itself, with no support found
    text = (files("detector") / "legal_basis.json").read_text("utf-8")
    for never in ("第16条", "7 个自然日", "7个自然日", "141号", "第70条", "第1002条"):
        assert never not in text


def test_every_record_has_source_and_confidence_and_known_names() -> None:
    known = SUBTYPES.keys() | OBSERVATION_NAMES.keys()
    known |= {"forged_documents", "call_frequency", "out_of_hours"}
    assert len({rule.id for rule in rules()}) == len(rules())
    for rule in rules():
        assert rule.confidence in ("V", "S"), rule.id
        assert rule.source and rule.paraphrase and rule.conduct
        assert {*rule.listeners} <= {"debtor", "third_party"} and rule.listeners
        assert {*rule.lender_types} <= {"any", *LENDER_TYPES.values()}
        assert rule.conduct.keys() <= known, rule.id
        for category, subtypes in rule.conduct.items():
            assert {*subtypes} <= {"*", *SUBTYPES.get(category, {})}, rule.id
        assert rule.in_force_to is None or rule.in_force_from < rule.in_force_to
        for verdict in ("构成", "犯罪", "违法"):
            assert verdict not in rule.paraphrase + rule.condition


def test_criminal_law_comes_last_and_as_a_lead_only() -> None:
    titles = [rule.title for rule in rules()]
    first = titles.index("中华人民共和国刑法")
    assert {*titles[first:]} == {"中华人民共和国刑法"}
    assert all("仅作线索" in rule.condition for rule in rules()[first:])


@pytest.mark.parametrize(("category", "subtype"), PASSAGES)
def test_every_sub_type_has_a_basis_whoever_listens(category: str, subtype: str) -> None:
    for on in (OLD, NEW, None):
        for listener in ("debtor", "third_party", None):
            assert basis_for(category, subtype, on, None, listener)


def test_how_long_a_lender_keeps_its_recordings() -> None:
    assert any("2 年" in text for text in retention("bank"))
    (years,) = [text for text in retention("consumer_finance") if "年:" in text or " 5 年" in text]
    assert "5 年" in years and not any("2 年" in t for t in retention("consumer_finance"))
    assert retention("unlicensed") == ()
    assert {*retention("bank"), *retention("consumer_finance")} == {*retention(None)}


def test_the_data_are_valid_json_with_a_version() -> None:
    data = json.loads((files("detector") / "legal_basis.json").read_text("utf-8"))
    assert data["version"] and "flk.npc.gov.cn" in data["note"]

"""Names of categories and sub-types, in Chinese and English, and their severity.

Severity orders the display only: 4 violence, self-harm, children, obscenity; 3 exposure and
disclosure to employers or relatives; 2 insults and false legal steps; 1 the rest.
"""

__all__ = ["CATEGORY_NAMES", "OBSERVATION_NAMES", "ROLE_NAMES", "SUBTYPES", "SUBTYPE_NAMES"]

CATEGORY_NAMES = {
    "threat": ("威胁恐吓", "threat"),
    "insult": ("侮辱谩骂", "insult"),
    "third_party_disclosure": ("向第三方泄露", "third-party disclosure"),
}

SUBTYPES: dict[str, dict[str, tuple[str, str, int]]] = {
    "threat": {
        "violence": ("人身伤害", "violence", 4),
        "family": ("针对家人", "family", 4),
        "home_visit_intimidation": ("上门恐吓", "intimidating visit", 3),
        "detention_or_arrest": ("虚假抓捕或司法后果", "false arrest or court step", 2),
        "exposure": ("曝光", "exposure", 3),
        "livelihood": ("影响工作生活", "livelihood", 3),
        "harassment": ("骚扰轰炸", "harassment", 3),
        "veiled": ("暗示性威胁", "veiled", 2),
        "self_harm": ("诱逼自残", "self-harm", 4),
    },
    "insult": {
        "profanity": ("脏话", "profanity", 2),
        "name_calling": ("辱骂称呼", "name-calling", 2),
        "mockery": ("嘲讽贬损", "mockery", 1),
        "curse": ("诅咒", "curse", 2),
        "discrimination": ("歧视", "discrimination", 2),
        "obscene": ("淫秽羞辱", "obscene", 4),
    },
    "third_party_disclosure": {
        "to_third_party": ("向他人透露债务", "told a third party", 3),
        "reported": ("自称已告知他人", "says others were told", 2),
        "announced": ("扬言告知他人", "announces telling others", 2),
        "demand_payment": ("向他人催款", "demands payment of others", 3),
        "personal_data": ("泄露个人信息", "personal data", 3),
    },
}

SUBTYPE_NAMES = {
    name: (chinese, english)
    for group in SUBTYPES.values()
    for name, (chinese, english, _) in group.items()
}

ROLE_NAMES = {
    "collector": ("催收方", "collector"),
    "debtor": ("借款人", "debtor"),
    "third_party": ("第三方", "third party"),
    "unknown": ("身份不明", "unknown"),
}

OBSERVATION_NAMES = {
    "impersonation": ("自称公检法等机关(身份待核实)", "claims an official identity"),
    "deception": ("可能的误导陈述", "possibly misleading"),
    "induce_borrowing": ("诱导借新还旧", "induces new borrowing"),
    "illegal_fee_or_private_account": ("私人账户或额外收费", "private account or extra fee"),
    "no_identification": ("不表明身份", "refuses to identify"),
    "info_probing": ("刺探个人信息", "prying"),
    "harassment_refused_contact": ("明确拒绝后仍联系", "contact after refusal"),
}


def severity(category: str, subtype: str) -> int:
    """Return 1 (least) to 4 (gravest), for ordering only."""
    return SUBTYPES.get(category, {}).get(subtype, ("", "", 1))[2]

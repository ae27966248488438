"""Where somebody asks not to be called any more.

Only words of the person called (or of an unknown voice) count; whether calls went on is for
`detector.batch.rules` to find in later recordings.
"""

import re
from collections.abc import Sequence
from typing import Any

from detector.report import Utterance
from detector.text import normalise

__all__ = ["find_refusals"]

_STOP = "(别|不要|莫|甭|勿|不准|不许|不能|禁止|停止|拒绝)"
_AGAIN = "(再|继续|老是|总是|一直|天天|每天|给|来|往|跟|和|向)"
_ME = "(我|咱|俺|本人|这个号码?|这边|这里|家里|我们|单位|公司)"
_CALL = "(打(电话|过来|来|给)|打了|打扰|骚扰|联系|来电|致电|拨打|找我)"
_REFUSALS = tuple(
    re.compile(pattern)
    for pattern in (
        f"(请|麻烦|求求|希望)?(你们?|您|你们公司)?(以后|今后|从今往后|之后)?(都|就|也)?{_STOP}"
        f"{_AGAIN}{{1,3}}{_ME}?(家里?|人|单位|手机)?{_CALL}",
        f"{_STOP}{_CALL}{_ME}",
        f"{_STOP}(联系|骚扰|打扰){_ME}",
        "(明确|正式|已经|再次)?(拒绝|不同意|不接受)(你们?|您)?(的)?(电话|来电)?(催收|联系|沟通)?(来电|电话|联系)",
        f"(把|将){_ME}?(的)?(号码|电话|手机号)(从你们?.{{0,6}})?(删|去|移|拿|拉)(掉|除|了)",
        f"{_STOP}再打(了|啦|过来|来|电话)?($|[,。!?])",
    )
)
# said of oneself, of a third person, or as a question or quotation: no refusal
_NOT = re.compile(
    "(让|叫|请|喊|使)(他|她|他们|别人)|(你|您)(说|讲)(过|了)?(别|不要|不)|(为什么|为啥|怎么)(不|别)"
    "|(能|可以|可不可以|要不要|是不是|难道).{0,4}(不|别).{0,8}(吗|么|\uff1f|\\?)$"
)
# a borrower who protects others says nothing of calls to himself
_OTHERS = re.compile(
    "(我|咱|俺)们?的?(家里?人|家属|亲戚|父|母|爸|妈|爹|娘|老婆|老公|爱人|妻|丈夫|对象|孩子|儿子|女儿|哥|姐|弟|妹"
    "|舅|姑|姨|叔|伯|爷|奶|同学|同事|朋友|领导|老板|单位|公司|学校|老师|邻居|通讯录|联系人)"
)


def find_refusals(utterances: Sequence[Utterance]) -> list[dict[str, Any]]:
    """Return where calls were refused: utterance, time, role, words; in order of time."""
    found = []
    for utterance in utterances:
        if utterance.role == "collector":
            continue
        text = normalise(utterance.text)
        if utterance.role != "third_party" and _OTHERS.search(text):
            continue
        if any(pattern.search(text) for pattern in _REFUSALS) and not _NOT.search(text):
            found.append(
                {
                    "utterance_id": utterance.id,
                    "start_s": utterance.start_s,
                    "role": utterance.role,
                    "quote": utterance.text,
                }
            )
    return found

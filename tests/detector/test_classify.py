"""What the published classifier flags, and what it leaves alone."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.classify import LABELS, Classifier, TurnScores, call_classifier, evidence
from detector.errors import OptionError
from detector.features import CallTurn, PreparedTurn
from detector.labels import SUBTYPES


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return call_classifier()


def one(text: str, third: float = 0.0, role: str | None = "collector") -> TurnScores:
    return call_classifier().classify([CallTurn(text, role)], third)[0]


def test_evidence_is_what_either_model_says_of_a_category_and_its_subtypes() -> None:
    names = [*SUBTYPES, *(name for group in SUBTYPES.values() for name in group)]
    column = {name: number for number, name in enumerate(reversed(names))}
    words, seen = np.full((2, len(names)), -9.0, np.float32), np.full((2, 26), -9.0, np.float32)
    words[0, column["insult"]], seen[0, 1] = 1.0, 2.0
    words[1, column["mockery"]], seen[1, names.index("mockery")] = 3.0, 4.0
    found = evidence(column, words, seen)
    assert found.shape == (2, 3, 4)
    insult = LABELS.index("insult")
    assert found[0, insult, :2].tolist() == [1.0, 2.0]
    assert found[1, insult, 2:] == pytest.approx([3.0, 4.0], abs=1e-3)
    assert (np.delete(found, insult, axis=1) < -6).all()


ABUSIVE = [
    ("threat", "再不把钱打过来,今晚我就带几个兄弟去你家,把你腿打断", 0.0),
    ("threat", "你儿子在哪个小学几点放学我们一清二楚,你自己掂量掂量", 0.0),
    ("threat", "明天起一天给你打两百个电话,打到你手机爆掉为止", 0.0),
    ("threat", "不还钱我就把你的裸照和欠条贴满你们小区", 0.0),
    ("threat", "公安的人已经在路上了,今天不还就直接抓你去坐牢", 0.0),
    ("threat", "我喊人把你家大门泼上红油漆,锁眼灌上胶水", 0.0),
    ("insult", "你他妈就是个骗子,垃圾,不要脸的东西", 0.0),
    ("insult", "操你妈的,欠钱不还的王八蛋", 0.0),
    ("insult", "你全家不得好死,生儿子没屁眼", 0.0),
    ("insult", "没钱就去卖啊,长成那样也没人要", 0.0),
    ("insult", "你爹妈怎么养出你这么个废物", 0.0),
    ("insult", "你怎么不去死啊,从楼上跳下去钱就不用还了", 0.0),
    ("third_party_disclosure", "您是他同事吧,他在我们平台借了两万块钱,已经逾期三个月了", 1.0),
    ("third_party_disclosure", "阿姨,您儿子欠我们公司五万块,您先替他还上吧", 1.0),
    ("third_party_disclosure", "我现在就给你通讯录里的每一个人打电话,告诉他们你欠钱不还", 0.0),
    ("third_party_disclosure", "你们领导那边我已经打过电话了,他知道你欠债的事了", 0.0),
    # as recognisers hear it: homophones, no punctuation
    ("threat", "在不还钱今晚我就带几个兄弟去你加把你退打断", 0.0),
    ("insult", "你他吗就是个片子垃圾不要脸的东西", 0.0),
    ("third_party_disclosure", "阿姨您儿子前我们公司五万块您先替他还上八", 1.0),
]

LAWFUL = [
    ("如果逾期不还,我们将依法向人民法院提起诉讼", 0.0),
    ("您的逾期记录会按规定上报征信系统", 0.0),
    ("我们会委托律师给您寄一份律师函", 0.0),
    ("判决生效后仍不履行,法院可能会把您列入失信被执行人名单", 0.0),
    ("公司会按规定安排外访人员上门核实情况,会提前和您预约", 0.0),
    ("每逾期一天会产生万分之五的罚息", 0.0),
    ("您好,请问是张先生本人吗", 0.0),
    ("请您今天下午五点之前处理一下,拖下去利息会更高", 0.0),
    ("您这笔账单目前逾期十二天,应还金额是三千二百元", 0.0),
    ("您看能不能先还一部分,剩下的我帮您申请分期", 0.0),
    ("我们不会打扰您的家人,请您放心", 0.0),
    ("我没有骂您,也没有威胁您,通话都是有录音的", 0.0),
    ("请不要相信冒充公检法的电话,以免上当受骗", 0.0),
    ("麻烦您转告他方便的时候给我回个电话,谢谢", 1.0),
    ("您好,请问陈女士在吗,有点个人事务需要联系她本人", 1.0),
    ("不好意思打错了,打扰您了", 1.0),
    ("那是死期存款,要到明年才能取出来", 0.0),
    ("您手机上的杀毒软件可能把我们的短信当成垃圾短信拦截了", 0.0),
    ("好的,那我先挂了,祝您生活愉快", 0.0),
    ("您作为担保人,按照合同约定需要承担连带责任", 0.0),
    ("还款之后记得保留凭证,有问题随时联系我们客服", 0.0),
]

OTHERS_WORDS = [
    "你上次说要打断我的腿,我都录下来了",
    "你再来我家我就打断你的腿",
    "你们这群王八蛋,操你妈的",
    "你骂我是废物,我要投诉你",
    "你们跟我领导说我欠了两万块钱,这是违法的",
]


@pytest.mark.parametrize(("category", "text", "third"), ABUSIVE)
def test_abuse_is_flagged(category: str, text: str, third: float) -> None:
    assert category in one(text, third).flagged


@pytest.mark.parametrize(("text", "third"), LAWFUL)
def test_lawful_words_are_not_flagged(text: str, third: float) -> None:
    assert one(text, third).flagged == ()


@pytest.mark.parametrize("role", ["debtor", "third_party"])
@pytest.mark.parametrize("text", OTHERS_WORDS)
def test_only_the_collector_is_ever_flagged(text: str, role: str) -> None:
    found = one(text, role=role)
    assert (found.flagged, found.review) == ((), ())


def test_words_of_others_would_be_flagged_if_the_collector_said_them() -> None:
    assert one("你再来我家我就打断你的腿,操你妈的王八蛋").flagged


@pytest.mark.parametrize(
    ("simplified", "traditional"),
    [
        ("再不还钱,今晚我就带几个兄弟去你家", "再不還錢,今晚我就帶幾個兄弟去你家"),
        ("您儿子欠我们公司五万块", "您兒子欠我們公司五萬塊"),
        ("您好,请问是张先生本人吗", "您好,請問是張先生本人嗎"),
    ],
)
def test_script_makes_no_difference(simplified: str, traditional: str) -> None:
    assert one(simplified) == one(traditional)


@pytest.mark.parametrize(
    "text", ["", "   ", "\n", "……", "😀😀", "OK", "喂", "啊" * 10_000, "0" * 500]
)
def test_odd_turns_are_scored_but_not_flagged(text: str) -> None:
    found = one(text)
    assert set(found.scores) == set(LABELS)
    assert all(0 <= score <= 1 for score in found.scores.values())
    assert found.flagged == ()


def test_no_turns(classifier: Classifier) -> None:
    assert classifier.classify([]) == []


def test_same_scores_every_time(classifier: Classifier) -> None:
    turns = [CallTurn(text, "collector") for _, text, _ in ABUSIVE]
    first = classifier.classify(turns)
    classifier.classify([CallTurn("别的通话", None)], 1.0)
    assert classifier.classify(turns) == first


def test_subtypes_belong_to_their_category(classifier: Classifier) -> None:
    for found in classifier.classify([CallTurn(text, "collector") for _, text, _ in ABUSIVE]):
        for label, names in found.subtypes.items():
            assert 1 <= len(names) <= 3
            assert set(names) <= set(SUBTYPES[label])


# ---------------------------------------------------------------- from scores to decisions


class Fixed(Classifier):
    """A classifier with given probabilities for either listener."""

    by_listener: tuple[dict[str, float], dict[str, float]]

    def _read(
        self, turns: Sequence[PreparedTurn], third: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        row = self.by_listener[third >= 0.5]
        scores = np.array([[row.get(label, 0.0) for label in LABELS]] * len(turns))
        return scores, super()._read(turns, third)[1]


def decided(
    debtor: dict[str, float],
    third_party: dict[str, float] | None = None,
    third: float = 0.0,
    role: str | None = "collector",
) -> TurnScores:
    base = call_classifier()
    parts = {field.name: getattr(base, field.name) for field in dataclasses.fields(base)}
    parts["settings"] = base.settings.with_thresholds(dict.fromkeys(LABELS, 0.6))
    made = Fixed(**parts)
    made.by_listener = (debtor, third_party or debtor)
    return made.classify([CallTurn("随便一句话", role)], third)[0]


def test_line_and_band() -> None:
    band = 0.6 * call_classifier().settings.review_from
    assert decided({"threat": 0.6}).flagged == ("threat",)
    assert decided({"threat": 0.599}).review == ("threat",)
    assert decided({"threat": band + 1e-6}).review == ("threat",)
    assert decided({"threat": band - 1e-3}).review == ()
    assert decided({"threat": 0.9, "insult": 0.7}).flagged == ("threat", "insult")


def test_unknown_speakers_are_judged_like_the_collector() -> None:
    assert decided({"insult": 0.9}, role=None).flagged == ("insult",)


@pytest.mark.parametrize(
    ("third", "flagged", "review", "doubtful"),
    [
        (0.0, (), (), False),
        (0.1, (), (), False),
        (0.3, (), ("third_party_disclosure",), True),
        (0.7, (), ("third_party_disclosure",), True),
        (0.9, ("third_party_disclosure",), (), False),
    ],
)
def test_disclosure_that_hangs_on_the_listener_is_to_review(
    third: float, flagged: tuple[str, ...], review: tuple[str, ...], doubtful: bool
) -> None:
    found = decided({"third_party_disclosure": 0.01}, {"third_party_disclosure": 0.95}, third)
    assert (found.flagged, found.review) == (flagged, review)
    assert found.doubtful_listener == doubtful


def test_disclosure_whoever_listens_is_flagged_in_doubt_too() -> None:
    found = decided({"third_party_disclosure": 0.9}, {"third_party_disclosure": 0.95}, 0.5)
    assert found.flagged == ("third_party_disclosure",)


# ---------------------------------------------------------------- thresholds


def test_thresholds_may_be_changed(classifier: Classifier) -> None:
    def changed(label: str, value: float) -> Classifier:
        settings = classifier.settings.with_thresholds({label: value})
        return dataclasses.replace(classifier, settings=settings)

    text = [CallTurn("你爹妈怎么养出你这么个废物", "collector")]
    strict, loose = changed("insult", 1.0), changed("threat", 0.001)
    assert "insult" not in strict.classify(text)[0].flagged
    assert "threat" in loose.classify(text)[0].flagged
    assert "insult" in loose.classify(text)[0].flagged


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("bedrohung", 0.5, "unknown category"),
        ("", 0.5, "unknown category"),
        ("threat", 0.0, "between 0 and 1"),
        ("threat", -0.1, "between 0 and 1"),
        ("threat", 1.01, "between 0 and 1"),
        ("threat", float("nan"), "between 0 and 1"),
        ("threat", float("inf"), "between 0 and 1"),
    ],
)
def test_impossible_thresholds(
    classifier: Classifier, name: str, value: float, reason: str
) -> None:
    with pytest.raises(OptionError, match=reason):
        classifier.settings.with_thresholds({name: value})


# ---------------------------------------------------------------- heard again

CALL = [
    CallTurn("喂你好我是平台的", "collector"),
    CallTurn("什么事", "debtor"),
    CallTurn("在不换前就是这么回事", "collector"),
]
AGAIN = ["", "", "再不还钱我找人把你家门砸了"]


def test_the_score_is_the_mean_over_what_was_heard(classifier: Classifier) -> None:
    first = classifier.classify(CALL)[2]
    again = [*CALL[:2], CallTurn(AGAIN[2], "collector")]
    second = classifier.classify(again)[2]
    both = classifier.classify(CALL, readings=[AGAIN])[2]
    assert second.scores["threat"] > first.scores["threat"] + 0.2
    mean = (first.scores["threat"] + second.scores["threat"]) / 2
    assert both.scores["threat"] == pytest.approx(mean, abs=1e-3)
    assert both.telling["threat"] == 1
    assert first.telling["threat"] == 0


def test_another_reading_takes_nothing_back(classifier: Classifier) -> None:
    turns = [*CALL[:2], CallTurn(AGAIN[2], "collector")]
    harmless = ["", "", CALL[2].text]
    once, again = classifier.classify(turns), classifier.classify(turns, readings=[harmless])
    assert all(again[2].scores[label] >= score for label, score in once[2].scores.items())
    assert again[2].scores["threat"] == once[2].scores["threat"]
    assert again[2].flagged == once[2].flagged == ("threat",)


def test_readings_that_say_the_same_change_nothing(classifier: Classifier) -> None:
    once = classifier.classify(CALL)
    again = classifier.classify(CALL, readings=[[""] * 3, [t.text for t in CALL]])
    for a, b in zip(once, again, strict=True):
        assert a.scores == pytest.approx(b.scores, abs=1e-3)
        assert set(b.telling.values()) == {0}

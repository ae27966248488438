"""What nobody said is taken out and listed; what somebody may have said stays."""

import pytest

from detector.ghosts import clean_window, clean_words
from detector.transcript import Word


def words(text: str) -> list[Word]:
    return [Word(c, 10 + 0.2 * i, 10.2 + 0.2 * i, 0.8) for i, c in enumerate(text)]


def cleaned(text: str, no_speech: float = 0.1, logprob: float = -0.3) -> tuple[str, list[str]]:
    kept, dropped = clean_words(words(text), no_speech, logprob)
    return "".join(word.text for word in kept), [item.reason for item in dropped]


@pytest.mark.parametrize(
    "text",
    [
        "字幕由Amara.org社区提供",
        "中文字幕志愿者李宗盛",
        "请不吝点赞订阅转发打赏支持明镜与点点栏目",
        "谢谢观看",
        "謝謝觀看!",
        "谢谢收看。",
        "请订阅我的频道",
    ],
)
def test_credits_go(text: str) -> None:
    kept, reasons = cleaned(text, no_speech=0.4)
    assert kept.strip(".。!") == ""
    assert set(reasons) == {"boilerplate"}


def test_credits_at_the_end_of_speech_go_where_the_window_is_doubtful() -> None:
    kept, reasons = cleaned("你明天再不还就等着瞧,谢谢观看", no_speech=0.5)
    assert kept.startswith("你明天再不还就等着瞧")
    assert "谢谢" not in kept
    assert reasons == ["boilerplate"]


@pytest.mark.parametrize(
    "text",
    [
        "你拍的视频我看了,谢谢观看这三个字还挂在上面呢",
        "谢谢您的配合",
        "你订阅的会员到期了",
        "喂喂喂",
        "哈哈哈哈哈",
        "还钱还钱还钱",
        "是是是,好的好的好的",
    ],
)
def test_what_people_say_stays(text: str) -> None:
    assert cleaned(text) == (text, [])


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("还钱" * 12, "还钱还钱"),
        ("好,我知道了" + "嗯" * 30, "好,我知道了嗯嗯"),
        ("你说吧你说吧你说吧你说吧你说吧你说吧你说吧然后呢", "你说吧你说吧然后呢"),
    ],
)
def test_endless_repetition_is_cut_to_two(text: str, kept: str) -> None:
    assert cleaned(text) == (kept, ["repetition"])


@pytest.mark.parametrize(
    ("no_speech", "logprob", "gone"),
    [(0.9, -1.5, True), (0.9, -0.3, False), (0.2, -1.5, False)],
)
def test_doubtful_windows(no_speech: float, logprob: float, gone: bool) -> None:
    kept, reasons = cleaned("嗯啊", no_speech, logprob)
    assert (kept, reasons) == (("", ["no_speech"]) if gone else ("嗯啊", []))


@pytest.mark.parametrize(
    ("no_speech", "doubtful", "gone"),
    [
        (0.9, True, True),
        (0.4, True, True),
        (0.2, True, False),
        (0.9, False, False),
        (0.4, False, False),
    ],
)
def test_what_both_models_doubt_is_nobody(no_speech: float, doubtful: bool, gone: bool) -> None:
    kept, dropped = clean_window([(words("你好"), no_speech, -0.5)], doubtful)
    assert (len(kept), [item.reason for item in dropped]) == (
        (0, ["no_speech"]) if gone else (2, [])
    )


def test_what_is_dropped_says_when_and_what() -> None:
    kept, (dropped,) = clean_words(words("行吧" + "嗯" * 20), 0.1, -0.3)
    assert dropped.text == "嗯" * 18
    assert dropped.start_s == pytest.approx(10 + 0.2 * 4)
    assert dropped.end_s == pytest.approx(10 + 0.2 * 22)
    assert len(kept) + len(dropped.text) == 22


@pytest.mark.parametrize(("no_speech", "kept"), [(0.7, ""), (0.5, "我说还钱还钱")])
def test_a_loop_where_hardly_anybody_speaks_goes_whole(no_speech: float, kept: str) -> None:
    assert cleaned("我说" + "还钱" * 12, no_speech) == (kept, ["repetition"])


@pytest.mark.parametrize(("times", "no_speech", "kept"), [(3, 0.7, 0), (2, 0.7, 2), (5, 0.3, 5)])
def test_the_same_sentence_over_and_over(times: int, no_speech: float, kept: int) -> None:
    said = [(words("我跟你说"), no_speech, -0.5)] * times
    left, dropped = clean_window(said)
    assert len(left) == 4 * kept
    assert [d.text for d in dropped] == ["我跟你说"] * (times - kept)


def test_nothing() -> None:
    assert clean_words([], 0.9, -2.0) == ([], [])

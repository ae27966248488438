"""Words nobody said: Whisper's subtitle credits and endless repetitions.

Only strong grounds count, and everything taken out is listed in the report, so that a
listener can check it. Sources of the credits: faster-whisper issues 183, 465, 506, 843.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detector.transcript import Word

__all__ = ["Dropped", "clean_window", "clean_words"]

NO_SPEECH, NO_SPEECH_DOUBTFUL = 0.6, 0.3
LOW_LOGPROB = -1.0
_CREDITS = re.compile(
    r"(字幕由?Amara.{0,6}org社[区區]提供|中文字幕志[愿願]者\w{0,6}|[请請]不吝点[赞讚]"
    r"|[请請]不吝點讚|(点赞|點讚)[订訂][阅閱]|[订訂][阅閱][转轉][发發]打[赏賞]"
    r"|支持明[镜鏡][与與]点点[栏欄]目|字幕(志愿者|製作|制作|by)\w{0,8}|[谢謝][谢謝][观觀]看"
    r"|[谢謝][谢謝]收看|[请請][订訂][阅閱]我的[频頻]道|以下是普通话的电话录音)"
)
_LOOP = re.compile(r"(.{1,12}?)\1{5,}")
_LOOP_MIN_CHARACTERS = 10
_KEPT_OF_LOOP = 2
_ECHOES = 3
"""The same sentence so often in half a minute that hardly holds speech, is nobody's."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Recognised text that was left out, where it stood, and on what grounds."""

    start_s: float
    end_s: float
    text: str
    reason: str


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


def _drop(words: "Sequence[Word]", reason: str) -> Dropped:
    return Dropped(words[0].start_s, words[-1].end_s, "".join(word.text for word in words), reason)


def clean_window(
    said: "Sequence[tuple[list[Word], float, float]]",
    doubtful: bool = False,
) -> "tuple[list[Word], list[Dropped]]":
    """Return the words to keep of one decoded window, and what was dropped.

    Args:
        said: for each segment its words, and what `clean_words` is told of it.
        doubtful: whether speech activity was hardly sure of it either.
    """
    texts = [_bare("".join(word.text for word in words)) for words, _, _ in said]
    kept: list[Word] = []
    dropped: list[Dropped] = []
    for (words, no_speech, logprob), text in zip(said, texts, strict=True):
        if no_speech > NO_SPEECH and len(text) > 1 and texts.count(text) >= _ECHOES:
            dropped.append(_drop(words, "repetition"))
            continue
        stay, gone = clean_words(words, no_speech, logprob, doubtful)
        kept += stay
        dropped += gone
    return kept, dropped


def clean_words(
    words: "list[Word]", no_speech: float, logprob: float, doubtful: bool = False
) -> "tuple[list[Word], list[Dropped]]":
    """Return the words to keep of one decoded segment, and what was dropped.

    Args:
        words: in order, as recognised.
        no_speech: Whisper's probability that the window holds no speech.
        logprob: mean log-probability of the window's tokens.
        doubtful: as for `clean_window`.
    """
    if not words:
        return [], []
    # Whisper hears no speech, and speech activity doubts it too or Whisper doubts its own words
    silent = no_speech > NO_SPEECH and logprob < LOW_LOGPROB
    if silent or (doubtful and no_speech > NO_SPEECH_DOUBTFUL):
        return [], [_drop(words, "no_speech")]
    dropped: list[Dropped] = []
    text, owner = "", []
    for index, word in enumerate(words):
        bare = _bare(word.text)
        text += bare
        owner += [index] * len(bare)
    gone: set[int] = set()
    for pattern, reason in ((_CREDITS, "boilerplate"), (_LOOP, "repetition")):
        for match in pattern.finditer(text):
            start, end = match.span()
            if reason == "repetition":
                if end - start < _LOOP_MIN_CHARACTERS:
                    continue
                if no_speech > NO_SPEECH and end - start > len(text) / 2:
                    return [], [_drop(words, "repetition")]
                start += len(match.group(1)) * _KEPT_OF_LOOP  # somebody may have begun it
            elif (
                reason == "boilerplate"
                and len(match.group()) < 0.5 * len(text)
                and (no_speech < 0.3 and "Amara" not in match.group())
            ):
                continue  # somebody may really be saying it
            indices = sorted({owner[i] for i in range(start, end)} - gone)
            if indices:
                dropped.append(_drop([words[i] for i in indices], reason))
                gone.update(indices)
    return [word for i, word in enumerate(words) if i not in gone], dropped

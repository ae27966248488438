"""What the reader of a report must know of a recording: the report's `warnings`."""

from collections.abc import Iterator, Sequence

from detector.audio import Recording
from detector.listen import Heard
from detector.render_text import clock
from detector.report import Speaker, Utterance
from detector.roles import SURE

__all__ = ["caveats"]

_CANTONESE = set("嘅咗喺冇啲嚟咁哋佢唔咩乜嗰噉攞畀")
_SHORT_S = 5.0
_ALIKE = 0.15
"""Voices whose mean vectors are this near to each other are easily confused."""


def caveats(
    recording: Recording,
    layout: str,
    heard: Heard,
    utterances: Sequence[Utterance],
    speakers: Sequence[Speaker],
) -> tuple[str, ...]:
    """Return the warnings, one sentence each, those about the file first."""
    return (
        *_file(recording, layout, heard, utterances),
        *_sound(heard, utterances),
        *_voices(heard, speakers),
    )


def _file(
    recording: Recording, layout: str, heard: Heard, utterances: Sequence[Utterance]
) -> Iterator[str]:
    if not utterances:
        yield "录音中没有听到可识别的说话声 (no speech was found)。"
    elif heard.duration_s < _SHORT_S:
        yield (f"录音只有 {heard.duration_s:.1f} 秒,内容太少,角色和标记仅供参考 (very short)。")
    if heard.damaged:
        yield f"录音有 {heard.damaged} 处无法解码,已跳过;请核对原始录音是否完整 (damaged parts)。"
    stated = recording.duration_s
    if stated and heard.duration_s < 0.9 * stated - 1:
        yield f"文件标明 {stated:.0f} 秒,只读出 {heard.duration_s:.0f} 秒,可能被截断 (truncated)。"
    if recording.channels > 2:
        yield f"录音有 {recording.channels} 个声道,已合并为一个 (channels mixed)。"
    if recording.channels == 2 and layout == "mono" and utterances:
        yield "两个声道内容基本相同,按单声道录音区分说话人 (both channels hold the same)。"
    if layout == "one-sided":
        yield "两个声道中有一个没有声音,只分析有声的一侧 (one channel is silent)。"
    if heard.swapped_s is not None:
        yield (
            f"两个声道的人声约在 {clock(heard.swapped_s, 0)} 处互换,已按声音对应到同一人,请核对 "
            "(the channels change places)。"
        )


def _sound(heard: Heard, utterances: Sequence[Utterance]) -> Iterator[str]:
    if heard.unheard:
        yield (
            f"有 {len(heard.unheard)} 处说话声没有转写出文字(从 {_times(heard.unheard)} 起),"
            "请直接听原始录音 (speech that was not recognised)。"
        )
    if heard.sounds:
        yield (
            f"有 {len(heard.sounds)} 段只有等待音乐、彩铃、回铃音或其他响声而无人说话"
            f"(从 {_times(heard.sounds)} 起),未作分析 (sounds without speech)。"
        )
    if not heard.clear:
        yield "音量很低或底噪很大,转写和说话人区分可能不可靠,请以原始录音为准 (faint or noisy)。"
    known = {name: n for name, n in heard.languages.items() if name != "?"}
    if known and known.get("zh", 0) < 0.5 * sum(known.values()):
        top = max(known, key=lambda name: known[name])
        yield f"听起来不像普通话(可能是 {top}),结果不可靠 (speech may not be Mandarin)。"
    text = "".join(u.raw_text for u in utterances)
    if len(text) > 40 and sum(c in _CANTONESE for c in text) > 0.02 * len(text):
        yield "部分内容像粤语,转写和标记可能不可靠 (parts may be Cantonese)。"


def _voices(heard: Heard, speakers: Sequence[Speaker]) -> Iterator[str]:
    if len(speakers) > 2:
        yield (
            f"听出 {len(speakers)} 个说话人(可能有转接、语音提示或旁人),请核对每个人的身份 "
            "(more than two voices)。"
        )
    told = [c.diarization for c in heard.channels if c.diarization is not None]
    if len(speakers) > 1 and any(d.speakers > 1 and d.separation < _ALIKE for d in told):
        yield "说话人的声音很相近,哪句话是谁说的可能有误,请听录音核对 (voices hard to tell apart)。"
    if len(speakers) == 1 and speakers[0].role == "unknown":
        yield "只听出一个说话人,无法判断是否催收方,标记均列为待复核 (one voice only)。"
    elif any(s.role == "unknown" for s in speakers):
        yield "无法确定谁是催收方,标记均列为待复核;可用 --collector 指定 (roles unclear)。"
    elif any(s.source == "inferred" and s.confidence < SURE + 0.1 for s in speakers):
        yield "谁是催收方由内容推断,把握不大,请核对 (roles inferred, not sure)。"


def _times(spans: Sequence[tuple[float, float]]) -> str:
    return "、".join(clock(start) for start, _ in sorted(spans)[:5])

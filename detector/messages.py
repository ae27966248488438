"""Text that collectors wrote or that was written down: into calls of turns.

SMS and WeChat exports (txt, csv), subtitles (srt, vtt), and call scripts (jsonl, one call a
line; labels in the file are ignored).
"""

import csv
import io
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from detector.errors import TextFormatError

__all__ = ["TextCall", "TextTurn", "read_calls"]

MAX_BYTES = 50_000_000
_MAX_TURN = 200
_STOPS = "。!?\uff01\uff1f\\n"
_SENTENCE = re.compile(rf"[^{_STOPS}]{{0,{_MAX_TURN - 1}}}(?:[{_STOPS}]|.|$)", re.S)
_ROLES = {
    "collector": ("催收", "催收员", "催收方", "催收人", "催收专员", "客服", "对方", "collector", "agent",
                  "caller"),
    "debtor": ("我", "本人", "借款人", "债务人", "欠款人", "debtor", "borrower", "me"),
    "third_party": ("第三方", "家人", "同事", "朋友", "父亲", "母亲", "third_party", "third party"),
}  # fmt: skip
_ROLE_OF = {name: role for role, names in _ROLES.items() for name in names}
# full-width signs by number: some editors turn them into half-width ones unasked
_SIGNS = r":\uff1a,\uff0c。!\uff01?\uff1f“\""
_SPEAKER = re.compile(
    rf"^\s*(?:\[[^\]]{{1,40}}\]\s*)?([^\s.0-9{_SIGNS}][^{_SIGNS}]{{0,11}}?)\s*[:\uff1a]\s*(\S.*)$"
)
_HEADER = re.compile(
    r"^(?:(\d{4}[-/年.]\d{1,2}[-/月.]\d{1,2}日?\s+\d{1,2}:\d{2}(?::\d{2})?)\s+(\S.{0,30})"
    r"|(\S.{0,30}?)\s+(\d{4}[-/年.]\d{1,2}[-/月.]\d{1,2}日?\s+\d{1,2}:\d{2}(?::\d{2})?))\s*$"
)
_CLOCK = re.compile(r"\d[:\uff1a]\d\d")
_STAMP = r"((?:\d{1,3}:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?)"
_CUE = re.compile(rf"{_STAMP}\s*-->\s*{_STAMP}")
_EVERYDAY = "的一是不了我你在有人这這个個们們来來到说說就要会會还還钱錢"
_TEXT_COLUMNS = ("内容", "消息内容", "短信内容", "正文", "消息", "文本", "content", "text", "body",
                 "message", "msg", "strcontent")  # fmt: skip
_SENDER_COLUMNS = ("发送人", "发件人", "发送者", "说话人", "角色", "昵称", "姓名", "sender", "speaker",
                   "role", "from", "nickname", "talker", "address", "号码")  # fmt: skip


@dataclass(frozen=True, slots=True)
class TextTurn:
    """One message or turn; `speaker` is a name as it stands in the file, or None."""

    text: str
    speaker: str | None = None
    role: str | None = None
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True, slots=True)
class TextCall:
    """One conversation. `written` is true for messages, false for transcripts of speech."""

    call_id: str
    turns: tuple[TextTurn, ...]
    listener: str | None = None
    written: bool = True


def _everyday(text: str) -> int:
    return sum(text.count(character, 0, 100_000) for character in _EVERYDAY)


def _decode(data: bytes, name: str) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        strict: tuple[str, ...] = ("utf-16",)
    elif b"\0" in data[:4096]:
        raise TextFormatError(f"{name} 不是文字文件;录音请用 detector scan (not a text file)。")
    else:
        strict = ("utf-8-sig", "gb18030", "big5")
    found: list[str] = []
    for encoding in strict:
        try:
            found.append(data.decode(encoding))
        except UnicodeDecodeError:
            continue
        if encoding.startswith("utf"):
            return found[0]
    cut = data.decode("utf-8", "replace")  # an export that was cut within a character
    if _everyday(cut):
        found.append(cut.removeprefix("\ufeff"))
    if not found:
        raise TextFormatError(f"{name} 的文字编码无法识别,请另存为 UTF-8 (unknown encoding)。")
    return max(found, key=_everyday)  # most bytes are legal in GB 18030 and in Big5 alike


def read_calls(name: str, data: bytes | None = None) -> list[TextCall]:
    """Read a file, or `data` under the name "-".

    Raises:
        TextFormatError: it cannot be read, or a line of it is broken (named by number).
    """
    path = Path(name)
    if data is None:
        try:
            if path.is_dir():
                raise TextFormatError(f"{name} 是文件夹,请给出文件 (a folder)。")
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise TextFormatError(f"找不到文件 {name},请检查路径 (file not found)。") from None
        except (OSError, ValueError) as error:
            raise TextFormatError(f"无法读取 {name}:{error} (cannot read)。") from None
    if len(data) > MAX_BYTES:
        raise TextFormatError(f"{name} 超过 50 MB,请分成几个文件 (too large)。")
    text = _decode(data, path.name)
    if not text.strip():
        raise TextFormatError(f"{path.name} 里没有文字 (no text)。")
    suffix = path.suffix.lower()
    stem = path.stem if name != "-" else "stdin"
    if suffix in (".jsonl", ".ndjson", ".json") or (name == "-" and text.lstrip()[:1] == "{"):
        return _scripts(text, path.name)
    spoken = suffix in (".srt", ".vtt") or _CUE.search(text[:2000]) is not None
    if spoken:
        turns = _subtitles(text)
    else:
        turns = _table(text, path.name) if suffix == ".csv" else _lines(text)
    if not turns:
        raise TextFormatError(f"{path.name} 里没有找到可分析的文字 (no messages found in it)。")
    pieces = [piece for turn in turns for piece in _pieces(turn)]
    return [TextCall(stem, tuple(pieces), written=not spoken)]


def _pieces(turn: TextTurn) -> list[TextTurn]:
    """Cut what is far longer than any turn, such as a whole call in one paragraph."""
    if len(turn.text) <= _MAX_TURN:
        return [turn]
    sentences = (text.strip() for text in _SENTENCE.findall(turn.text))
    return [replace(turn, text=text) for text in sentences if text]


def _scripts(text: str, name: str) -> list[TextCall]:
    calls: list[TextCall] = []
    stripped = text.strip()
    if stripped.startswith("[") or _is_json(stripped):
        lines = [(1, stripped)]
    else:
        # not splitlines: JSON text may hold U+2028 and other signs that it takes for line ends
        lines = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    for number, line in lines:
        try:
            loaded = json.loads(line)
        except (ValueError, RecursionError):
            raise TextFormatError(f"{name} 第 {number} 行不是合法的 JSON (not JSON)。") from None
        for content in loaded if isinstance(loaded, list) else [loaded]:
            calls.append(_script(content, f"{name} 第 {number} 行", f"call-{len(calls) + 1}"))
    return calls


def _is_json(text: str) -> bool:
    """Tell one JSON value over several lines; a second line of its own ends the try early."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _plain(text: str) -> str:
    """Replace lone surrogates, which JSON can escape but no text can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _script(content: Any, place: str, fallback: str) -> TextCall:
    if not isinstance(content, dict) or not isinstance(content.get("turns"), list):
        raise TextFormatError(f"{place} 没有 turns 列表 (each line needs a list `turns`)。")
    turns = []
    for number, entry in enumerate(content["turns"], 1):
        turn = {"text": entry} if isinstance(entry, str) else entry
        if not isinstance(turn, dict) or not isinstance(turn.get("text"), str):
            raise TextFormatError(f"{place} 的第 {number} 轮没有 text 文字 (turn without text)。")
        speaker = turn.get("speaker")
        if not isinstance(speaker, str):
            speaker = None
        person = turn.get("speaker_id")
        role = speaker if speaker in _ROLES else _ROLE_OF.get((speaker or "").lower())
        name = str(person) if person else speaker
        turns.append(TextTurn(_plain(turn["text"]), _plain(name) if name else None, role))
    kind, who = content.get("kind"), content.get("listener")
    listener = None
    if who in ("debtor", "guarantor", "co_borrower"):
        listener = "debtor"
    elif kind == "third_party_call":
        listener = "third_party"
    elif kind in ("debtor_call", "messages"):
        listener = "debtor"
    call_id = content.get("call_id")
    return TextCall(
        _plain(str(call_id)) if call_id is not None else fallback,
        tuple(turns),
        listener,
        kind == "messages",
    )


def _role(name: str | None) -> str | None:
    return _ROLE_OF.get(name.strip().lower()) if name else None


def _seconds(stamp: str) -> float:
    whole = 0.0
    for part in stamp.replace(",", ".").split(":"):
        whole = whole * 60 + float(part)
    return whole


def _named(text: str) -> tuple[str | None, str]:
    match = _SPEAKER.match(text)
    clock = match and _CLOCK.match(text, match.end(1) - 1)
    greeting = match and match.group(1).startswith(("尊敬的", "亲爱的"))
    if match and not clock and not greeting and not match.group(2).startswith("//"):
        return match.group(1).strip(), match.group(2).strip()
    return None, text.strip()


def _subtitles(text: str) -> list[TextTurn]:
    turns: list[TextTurn] = []
    stamp: tuple[float, float] | None = None
    held: list[str] = []
    before = ""

    def close() -> None:
        if stamp and held:
            joined = " ".join(held)
            voice = re.match(r"<v\s+([^>]+)>", joined)
            plain = re.sub(r"<[^>]*>", "", joined)
            name, said = (voice.group(1), plain) if voice else _named(plain)
            turns.append(TextTurn(said, name, _role(name), *stamp))

    for line in text.splitlines():
        cue = _CUE.search(line)
        if cue:
            if held and before.strip().isdigit():
                held.pop()  # this cue's number
            close()
            stamp, held = (_seconds(cue.group(1)), _seconds(cue.group(2))), []
        elif line.strip() and stamp:
            held.append(line.strip())
        before = line
    close()
    return turns


def _table(text: str, name: str) -> list[TextTurn]:
    first = text.lstrip().partition("\n")[0]
    # csv.Sniffer takes quotes in messages for its own; one column is never split
    delimiter = max(",;\t", key=first.count) if re.search("[,;\t]", first) else "\x1f"
    csv.field_size_limit(1_000_000)
    try:
        rows = [
            row
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
            if any(row)
        ]
    except csv.Error as error:
        raise TextFormatError(f"{name} 不是能识别的 csv 表格:{error} (broken csv)。") from None
    if not rows:
        raise TextFormatError(f"{name} 里没有文字 (no text)。")
    header = [cell.strip().lower() for cell in rows[0]]
    said = next((header.index(c) for c in _TEXT_COLUMNS if c in header), None)
    by = next((header.index(c) for c in _SENDER_COLUMNS if c in header), None)
    if said is None:
        if len(rows[0]) > 1:
            raise TextFormatError(
                f"{name} 的表头里找不到内容列;请把该列命名为“内容”或 text (no text column)。"
            )
        said, rows = 0, [[], *rows]
    turns = []
    for row in rows[1:]:
        if said == len(header) - 1 and len(row) > len(header):  # commas that nobody quoted
            row[said:] = [delimiter.join(row[said:])]
        if len(row) <= said or not row[said].strip():
            continue
        sender = row[by].strip() if by is not None and len(row) > by else None
        turns.append(TextTurn(row[said].strip(), sender or None, _role(sender)))
    return turns


def _lines(text: str) -> list[TextTurn]:
    lines = [line for line in text.splitlines() if line.strip()]
    headers = [_HEADER.match(line.strip()) for line in lines]
    if sum(match is not None for match in headers) >= 2:  # a chat export: header, then words
        turns: list[TextTurn] = []
        sender: str | None = None
        held: list[str] = []

        def close() -> None:
            if held:
                turns.append(TextTurn("\n".join(held), sender, _role(sender)))

        for line, match in zip(lines, headers, strict=True):
            if match:
                close()
                sender, held = (match.group(2) or match.group(3)).strip(), []
            else:
                held.append(line.strip())
        close()
        return turns
    named = [_named(line) for line in lines]
    names = [name for name, _ in named if name]
    # a heading of a message (最后通知:……) looks like a name but does not come again
    speak = any(_role(name) for name in names) or len(set(names)) < len(names)
    if speak and len(names) >= 0.6 * len(lines):
        turns, name = [], None
        for own, said in named:  # a line without a name goes on with what was said before
            name = own or name
            turns.append(TextTurn(said, name, _role(name)))
        return turns
    return [
        TextTurn(said if _role(name) else line.strip(), name if _role(name) else None, _role(name))
        for line, (name, said) in zip(lines, named, strict=True)
    ]

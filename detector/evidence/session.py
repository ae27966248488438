"""A person at the terminal who reviews: asking, showing, playing, and keeping each decision."""

import getpass
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detector.errors import OptionError, OutputError
from detector.evidence.decisions import Decision, Reviewed, ReviewedUtterance, decide
from detector.evidence.lock import locked
from detector.evidence.material import Material
from detector.evidence.player import Piece
from detector.labels import CATEGORY_NAMES, ROLE_NAMES, SUBTYPES
from detector.render_text import clock

__all__ = ["Session", "default_name", "plain", "role_of"]

Ask = Callable[[str, str], str]
"""Called with a prompt and the text to begin with; returns the answer. EOFError ends it all."""

ROLES_SAID = {chinese: role for role, (chinese, _) in ROLE_NAMES.items()} | {
    "催收": "collector", "债务人": "debtor", "本人": "debtor", "家人": "third_party",
    "同事": "third_party", "不明": "unknown",
}  # fmt: skip


def default_name() -> str:
    """Return the name of the user of this computer, empty where it has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def role_of(written: str) -> str:
    """Return the role that a word, Chinese or English, means.

    Raises:
        OptionError: it means none.
    """
    role = ROLES_SAID.get(written.strip(), written.strip().lower().replace("-", "_"))
    if role not in ROLE_NAMES:
        names = "、".join(f"{name}({chinese})" for name, (chinese, _) in ROLE_NAMES.items())
        raise OptionError(f"身份应为:{names} (unknown role {written!r})。")
    return role


def plain(text: str) -> str:
    """Return text without the control characters that a terminal would obey."""
    return "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)


@dataclass
class Session:
    """What a review needs to know and to do, and what it has done so far."""

    by: str
    ask: Ask
    show: Callable[[str], None]
    play: Callable[[Piece], bool]
    colour: bool = False
    made: list[Decision] = field(default_factory=list)
    files: dict[Path, int] = field(default_factory=dict)
    """How many decisions went into which report's file."""

    def decide(
        self,
        material: Material,
        action: str,
        target: str,
        value: Mapping[str, Any] | None = None,
        note: str = "",
    ) -> Decision:
        """Check and keep a decision at once.

        Raises:
            OptionError: it cannot be.
            OutputError: it cannot be written.
        """
        with _case_lock(material.case):
            made = decide(
                material.path, material.report, action, target, value, by=self.by, note=note
            )
        self.made.append(made)
        self.files[material.path] = self.files.get(material.path, 0) + 1
        return made

    def listen(self, material: Material, start_s: float, end_s: float, flag: str = "") -> None:
        """Play a passage, or say where to listen."""
        piece = material.piece(start_s, end_s, flag or None)
        if piece is None:
            self.show(
                f"  (找不到录音 {plain(material.report.recording.file)} 或它已被改动,无法播放;"
                f"请在原始录音 {clock(start_s)} 处听)"
            )
        elif not self.play(piece):
            at = f" {clock(start_s)} 处" if piece.end_s is not None else ""
            self.show(f"  (本机没有能用的播放器)请打开 {piece.file}{at} 听")

    def line(self, item: ReviewedUtterance, text: str | None = None, mark: str = "  ") -> str:
        """Return an utterance as one line, the machine's text behind a corrected one."""
        u = item.utterance
        heard = f"  (机器听作:{plain(u.text)})" if item.corrected else ""
        both = "  (两人同时说话)" if u.overlapped else ""
        said = plain(item.text) if text is None else text
        who = f"{u.speaker}({ROLE_NAMES[u.role][0]})"
        return f" {mark} {u.id:<4} {clock(u.start_s)}  {who}:{said}{heard}{both}"

    def change_text(self, material: Material, item: ReviewedUtterance, text: str = "") -> bool:
        """Ask for an utterance's right text and keep it. False if nothing was changed."""
        if not text:
            self.show(f"  {item.utterance.id} 现为:{plain(item.text)}")
            text = self.ask("  改为(空=不改):", item.text).strip()
        if not text or text == item.text:
            self.show("  文字没有改。")
            return False
        self.decide(material, "correct", item.utterance.id, {"text": text})
        self.show(f"  {item.utterance.id} 的文字已改(机器原文保留)。")
        return True

    def change_speaker(self, material: Material, item: ReviewedUtterance, answer: str = "") -> bool:
        """Ask who says an utterance, or what a speaker is, and keep it."""
        reviewed = material.reviewed()
        known = ",".join(f"{s}={ROLE_NAMES[r][0]}" for s, r in reviewed.roles.items())
        if not answer:
            answer = self.ask(
                f"  {item.utterance.id} 是谁说的?(现为 {item.utterance.speaker};{known})\n"
                "  写字母改这一句,写 A=借款人 改这个人的身份,空=不改:",
                "",
            )
        answer = unicodedata.normalize("NFKC", answer).strip()
        if not answer:
            return False
        name, equals, role = answer.partition("=")
        name = name.strip().upper()
        if equals:
            code = role_of(role)
            self.decide(material, "role", name, {"role": code})
            self.show(f"  {name} 的身份已改为 {ROLE_NAMES[code][0]}。")
        else:
            self.decide(material, "speaker", item.utterance.id, {"speaker": name})
            self.show(f"  {item.utterance.id} 的说话人已改为 {name}。")
        return True

    def add_flag(self, material: Material, item: ReviewedUtterance) -> bool:
        """Ask for category and sub-type and keep a flag found by hand."""
        category = self._choose({c: names[0] for c, names in CATEGORY_NAMES.items()})
        if category is None:
            return False
        subtype = self._choose({s: names[0] for s, names in SUBTYPES[category].items()})
        if subtype is None:
            return False
        value = {"category": category, "subtype": subtype, "utterance_ids": [item.utterance.id]}
        made = self.decide(material, "add", "", value)
        self.show(f"  已添加标记 {made.target}(人工发现,视为已确认)。")
        return True

    def _choose(self, names: Mapping[str, str]) -> str | None:
        """Return which of several things is chosen by its number; None for none."""
        listed = "  ".join(f"{n} {chinese}" for n, chinese in enumerate(names.values(), 1))
        answer = unicodedata.normalize("NFKC", self.ask(f"  {listed}(空=不加):", "")).strip()
        if not answer:
            return None
        if answer in names:
            return answer
        if not answer.isdecimal() or not 1 <= int(answer) <= len(names):
            raise OptionError(f"请输入 1 到 {len(names)} 的数字 (a number from the list)。")
        return list(names)[int(answer) - 1]

    def summary(self, materials: Sequence[Material]) -> list[str]:
        """Return what was kept and how to go on."""
        lines = []
        for path, count in self.files.items():
            place = path.with_name(path.stem + ".decisions.jsonl")
            lines.append(f"已保存 {count} 条决定:{place}")
        if not lines:
            lines.append("没有作出新的决定。")
        lines.append(_counts([material.reviewed() for material in materials]))
        first = materials[0]
        lines.append(
            f"接下来:detector evidence {first.case}  (按这些决定重新生成文书并签名)"
            if first.case is not None
            else f"接下来:detector evidence {first.path} -o 案件文件夹  (生成案件文件夹)"
        )
        return lines


@contextmanager
def _case_lock(case: Path | None) -> Iterator[None]:
    """Keep an export, which replaces the folder, from losing the decision of this moment."""
    with ExitStack() as stack:
        if case is not None:
            # where nothing can be written beside the folder, no export can run either
            with suppress(OutputError):
                stack.enter_context(locked(case.absolute()))
        yield


def _counts(all_reviewed: Sequence[Reviewed]) -> str:
    states = [flag.flag.status for reviewed in all_reviewed for flag in reviewed.flags]
    left = states.count("unreviewed")
    more = ";再运行同一命令可继续" if left else ""
    return (
        f"标记共 {len(states)} 条:已确认 {states.count('confirmed')},"
        f"已否定 {states.count('rejected')},未复核 {left}{more}。"
    )

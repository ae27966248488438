"""What people decide on a report, and what is made from it: pages, clips, evidence.

The report stays as the machine made it; decisions are laid over it (`detector.evidence.
decisions`). Who may see a recording may review it.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from api.desk import Desk
from api.drafts import full_disk
from api.errors import BadOptionError, NotFoundError
from api.recordings import Store
from api.review_view import flag_dict, utterance_dict, view
from detector.errors import OptionError
from detector.evidence.decisions import Decision, Reviewed, make_decision, review
from detector.evidence.page import as_reviewed
from detector.report import Report

__all__ = ["FORMATS", "Reviewing"]

_ACTIONS = {"confirmed": "confirm", "rejected": "reject", "unreviewed": "reopen"}
_MAX_TEXT = 10_000
_EMBED_LIMIT = 20_000_000
FORMATS = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
}
_SOUNDS = {
    ".wav": "audio/wav", ".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".mp4": "audio/mp4",
    ".aac": "audio/aac", ".amr": "audio/amr", ".3gp": "audio/3gpp", ".ogg": "audio/ogg",
    ".opus": "audio/ogg", ".flac": "audio/flac",
}  # fmt: skip


class Reviewing:
    """Decisions on a store's reports; safe for threads and several server processes.

    NotFoundError where a recording, flag or utterance is not there; ConflictError while there is
    no report; BadOptionError where a decision cannot be.
    """

    def __init__(self, store: Store, desk: Desk) -> None:
        self._store, self._desk = store, desk

    # ---------------------------------------------------------- looking

    def _decisions(self, recording: str) -> tuple[Decision, ...]:
        try:
            held = self._store.vault.read_json(recording, "decisions")
        except NotFoundError:
            return ()
        return tuple(Decision(**one) for one in held)

    def reviewed(self, owner: str, recording: str) -> Reviewed:
        """Return the report with the decisions laid over it."""
        report = self._store.report(owner, recording)
        return review(report, self._decisions(recording))

    def view(self, owner: str, recording: str) -> dict[str, Any]:
        """Return what the page shows."""
        return view(self.reviewed(owner, recording))

    def report(self, owner: str, recording: str) -> dict[str, Any]:
        """Return the report as published (`detector/report.schema.json`), as it reads now.

        Flags carry the status that people gave them, and those that people added are among
        them; utterances read as corrected, `raw_text` as heard.
        """
        whole: dict[str, Any] = json.loads(_laid_over(self.reviewed(owner, recording)).to_json())
        return whole

    def rendered(self, owner: str, recording: str, form: str) -> tuple[bytes, str, str]:
        """Return a report in one of `FORMATS`: bytes, media type, file name.

        Raises:
            BadOptionError: there is no such form.
        """
        from detector.render_text import render_csv, render_srt, render_txt, render_vtt

        if form not in FORMATS:
            raise BadOptionError(
                f"format 应为:{'、'.join(FORMATS)}。", f"The format is one of {', '.join(FORMATS)}."
            )
        reviewed = self.reviewed(owner, recording)
        if form == "json":
            text = _laid_over(reviewed).to_json()
        elif form == "html":
            text = self._page(owner, recording, as_reviewed(reviewed))
        else:
            render: dict[str, Callable[[Report], str]] = {
                "txt": render_txt, "srt": render_srt, "vtt": render_vtt, "csv": render_csv,
            }  # fmt: skip
            text = render[form](as_reviewed(reviewed))
        start = b"\xef\xbb\xbf" if form == "csv" else b""
        name = f"{Path(reviewed.report.recording.file).stem}.{form}"
        return start + text.encode("utf-8", "replace"), FORMATS[form], name

    def _page(self, owner: str, recording: str, report: Report) -> str:
        from detector.render_html import ListeningCopy, render_html

        sound = None
        reader = self._store.reader(owner, recording, "listen")
        if report.recording.duration_s and reader.size <= _EMBED_LIMIT:
            sound = ListeningCopy(reader.read(0, reader.size), "audio/mpeg", None)
        return render_html(report, sound)

    # ---------------------------------------------------------- deciding

    def _decide(
        self, owner: str, recording: str, by: str, wanted: Sequence[tuple[str, str, Any, str]]
    ) -> tuple[Reviewed, list[Decision]]:
        """Keep decisions (action, target, value, note), all or none of them."""
        store = self._store
        with store.vault.exclusive(recording):
            report = store.report(owner, recording)
            known = list(self._decisions(recording))
            made: list[Decision] = []
            for action, target, value, note in wanted:
                if max(len(by), len(note), len(str(value))) > _MAX_TEXT:
                    raise BadOptionError("文字太长。", "The text is too long.")
                try:
                    made.append(
                        make_decision(
                            report, action, target, value, by=by, note=note, known=[*known, *made]
                        )
                    )
                except OptionError as error:
                    raise BadOptionError(str(error), "The decision cannot be made.") from None
            held = [asdict(decision) for decision in (*known, *made)]
            with full_disk():
                store.vault.write_json(recording, "decisions", held)
        return review(report, (*known, *made)), made

    def decide(
        self,
        owner: str,
        recording: str,
        flag_id: str,
        *,
        by: str,
        status: str | None = None,
        text: str | None = None,
        speaker: str | None = None,
        role: str | None = None,
        note: str = "",
    ) -> dict[str, Any]:
        """Decide on a flag: confirmed, rejected or unreviewed; and correct what it quotes.

        `text` and `speaker` are those of the flag's utterance (the first one of several), `role`
        that of its speaker in the whole recording. Returns the flag as in `view`.
        """
        before = self.reviewed(owner, recording)
        flag = _flag(before, flag_id).flag
        wanted: list[tuple[str, str, Any, str]] = []
        if text is not None or speaker is not None:
            if not flag.utterance_ids:
                raise BadOptionError("这个标记没有对应的语句。", "The flag has no utterance.")
            wanted += _corrections(flag.utterance_ids[0], text, speaker)
        if role is not None:
            wanted.append(("role", speaker or flag.speaker, {"role": role}, ""))
        if status is not None:
            if status not in _ACTIONS:
                raise BadOptionError(
                    f"status 应为:{'、'.join(_ACTIONS)}。",
                    f"The status is one of {', '.join(_ACTIONS)}.",
                )
            wanted.append((_ACTIONS[status], flag_id, None, note))
        if not wanted:
            raise BadOptionError("没有给出要改什么。", "Nothing to change was given.")
        after, _ = self._decide(owner, recording, by, wanted)
        return flag_dict(after, _flag(after, flag_id))

    def correct(
        self,
        owner: str,
        recording: str,
        utterance_id: str,
        *,
        by: str,
        text: str | None = None,
        speaker: str | None = None,
    ) -> dict[str, Any]:
        """Correct an utterance's text or speaker; returns it, and the flags that quote it."""
        before = self.reviewed(owner, recording)
        if all(u.utterance.id != utterance_id for u in before.utterances):
            raise NotFoundError("报告里没有这一句。", "No such utterance.")
        wanted = _corrections(utterance_id, text, speaker)
        if not wanted:
            raise BadOptionError("没有给出要改什么。", "Nothing to change was given.")
        after, _ = self._decide(owner, recording, by, wanted)
        mine = next(u for u in after.utterances if u.utterance.id == utterance_id)
        flags = [f for f in after.flags if utterance_id in f.flag.utterance_ids]
        original = {u.id: u.speaker for u in after.report.utterances}
        return {
            "utterance": utterance_dict(mine, original[utterance_id]),
            "flags": [flag_dict(after, flag) for flag in flags],
        }

    def role(
        self, owner: str, recording: str, speaker: str, role: str, *, by: str
    ) -> dict[str, Any]:
        """Say who a speaker is, in the whole recording; returns that speaker as in `view`."""
        before = self.reviewed(owner, recording)
        if speaker not in before.roles and all(
            u.utterance.speaker != speaker for u in before.utterances
        ):
            raise NotFoundError("报告里没有这个说话人。", "No such speaker.")
        after, _ = self._decide(owner, recording, by, [("role", speaker, {"role": role}, "")])
        return {"id": speaker, "role": after.roles.get(speaker, role)}

    def add(
        self,
        owner: str,
        recording: str,
        *,
        by: str,
        category: str,
        subtype: str,
        utterance_ids: Sequence[str],
        note: str = "",
    ) -> dict[str, Any]:
        """Add a flag that a person found; returns it as in `view`."""
        value = {"category": category, "subtype": subtype, "utterance_ids": list(utterance_ids)}
        after, made = self._decide(owner, recording, by, [("add", "", value, note)])
        return flag_dict(after, _flag(after, made[0].target))

    # ---------------------------------------------------------- making

    def evidence(
        self,
        owner: str,
        recording: str,
        *,
        by: str = "",
        redact: bool = False,
        names: Sequence[str] = (),
    ) -> Path:
        """Make the evidence zip; returns its path, in a private folder of its own that the
        caller removes.

        Raises:
            FullError: the disk is full.
        """
        reviewed = self.reviewed(owner, recording)
        script = str(self._store.meta(owner, recording)["options"].get("script", "simplified"))
        folder = self._desk.new_folder(recording)
        details = {
            "report": reviewed.report.to_dict(),
            "decisions": [asdict(decision) for decision in reviewed.decisions],
            "actor": by.strip() or (reviewed.reviewers[-1] if reviewed.reviewers else "服务"),
            "script": script if script == "traditional" else "simplified",
            "redact": redact,
            "names": [name for name in names if name.strip()],
        }
        try:
            made = Path(self._desk.do(owner, recording, "evidence", details, folder))
            return made.rename(folder / made.name)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def clip(self, owner: str, recording: str, flag_id: str) -> tuple[bytes, str, str]:
        """Return a flag's passage, cut as stored: bytes, media type, file name."""
        flag = _flag(self.reviewed(owner, recording), flag_id).flag
        details = {"flag": flag_id, "start_s": flag.start_s, "end_s": flag.end_s}
        data, name = self._desk.do(owner, recording, "clip", details)
        return data, _SOUNDS.get(Path(name).suffix.lower(), "application/octet-stream"), name


def _flag(reviewed: Reviewed, flag_id: str) -> Any:
    for flag in reviewed.flags:
        if flag.flag.id == flag_id:
            return flag
    raise NotFoundError("报告里没有这个标记。", "No such flag.")


def _corrections(
    utterance: str, text: str | None, speaker: str | None
) -> list[tuple[str, str, Any, str]]:
    wanted: list[tuple[str, str, Any, str]] = []
    if text is not None:
        wanted.append(("correct", utterance, {"text": text}, ""))
    if speaker is not None:
        wanted.append(("speaker", utterance, {"speaker": speaker}, ""))
    return wanted


def _laid_over(reviewed: Reviewed) -> Report:
    """Return a report whose flags, texts and roles are as decided; nothing is left out."""
    report = as_reviewed(reviewed)
    flags = tuple(item.flag for item in reviewed.flags)
    return replace(report, flags=flags, warnings=reviewed.report.warnings)

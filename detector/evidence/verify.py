"""Checks a case folder, file by file, and says in plain words what is intact and what is not.

Nothing is written, so that a case on a disc can be checked as well.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.errors import InputError
from detector.evidence.custody import LOG, LOG_SIGNATURE, check_chain, signed_lines
from detector.evidence.files import files_under, hash_file
from detector.evidence.manifest import (
    MANIFEST,
    OWN,
    PUBLIC,
    SIGNATURE,
    SUMS,
    is_case,
    read_manifest,
    sums,
)
from detector.evidence.signing import fingerprint, grouped, own_fingerprint, verify
from detector.evidence.timestamp import ANSWER, REQUEST, check_answer

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

__all__ = ["Finding", "Verification", "blocking", "verify_case"]

_KINDS = {
    "original": "原始录音", "machine_report": "机器报告", "decisions": "复核决定", "clip": "片段",
    "listening_copy": "试听副本", "document": "文书", "page": "网页报告", "added": "他人放入的文件",
    "edited": "人工改动过的文书", "earlier_manifest": "以前的清单",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked. `level` is "ok", "note" (intact, but to be known) or "bad"."""

    level: str
    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found in a case folder."""

    folder: Path
    findings: tuple[Finding, ...]
    fingerprint: str | None

    @property
    def intact(self) -> bool:
        return all(finding.level != "bad" for finding in self.findings)


def blocking(verification: Verification) -> list[Finding]:
    """Return the faults upon which no new export may be built."""
    core = (MANIFEST, SIGNATURE, PUBLIC, LOG, LOG_SIGNATURE)
    return [
        f
        for f in verification.findings
        if f.level == "bad" and (f.file in core or f.file.startswith(("original/", "reports/")))
    ]


def verify_case(folder: Path, roots: "Sequence[Certificate]" = ()) -> Verification:
    """Check a case folder.

    Args:
        folder: the case.
        roots: certificates of timestamp authorities that the user trusts.

    Raises:
        InputError: it is no case folder.
    """
    if not folder.is_dir() or not is_case(folder):
        raise InputError(
            f"{folder} 不是案件文件夹;请给出 detector evidence 生成的文件夹 (not a case folder)。"
        )
    check = _Check(folder, roots)
    check.all()
    return Verification(folder, tuple(check.findings), check.fingerprint)


class _Check:
    def __init__(self, folder: Path, roots: "Sequence[Certificate]") -> None:
        self.folder, self.roots = folder, roots
        self.findings: list[Finding] = []
        self.fingerprint: str | None = None
        self.manifest: dict[str, Any] | None = None
        self.there: dict[str, Path] = {}
        self.hashes: dict[str, str] = {}

    def say(self, level: str, file: str, text: str) -> None:
        self.findings.append(Finding(level, file, text))

    def all(self) -> None:
        for path, place in files_under(self.folder):
            if place.is_symlink():
                self.say("bad", path, "是一个链接,不是文件本身,没有核对")
            else:
                self.there[path] = place
        try:
            self.manifest = read_manifest(self.folder)
        except InputError:
            missing = MANIFEST not in self.there
            self.say("bad", MANIFEST, "不见了" if missing else "已损坏,不再是案件清单")
        if self.manifest is not None:
            self.signature(self.manifest)
            self.files(self.manifest)
            self.sums(self.manifest)
            self.reports(self.manifest)
        self.log(self.manifest)
        if self.manifest is not None:
            self.stamps()

    def data(self, name: str) -> bytes | None:
        try:
            return self.there[name].read_bytes()
        except (KeyError, OSError):
            return None

    # ---- the signed list

    def signature(self, manifest: Mapping[str, Any]) -> None:
        public, signature = self.data(PUBLIC), self.data(SIGNATURE)
        if public is None or signature is None:
            for name, data in ((PUBLIC, public), (SIGNATURE, signature)):
                if data is None:
                    self.say("bad", name, "不见了,签名无法核对")
            return
        stated = manifest["signer"]["fingerprint"]
        try:
            self.fingerprint = fingerprint(public)
        except InputError:
            self.say("bad", PUBLIC, "已损坏,签名无法核对")
            return
        if verify(public, self.data(MANIFEST) or b"", signature):
            self.say("ok", MANIFEST, "签名有效,清单自签名以来没有变动")
            if self.fingerprint != stated:
                self.say("bad", PUBLIC, "与清单里记的指纹不符")
            return
        if self.fingerprint != stated:
            self.say(
                "bad", PUBLIC,
                f"不是签名所用的公钥(清单所记指纹 {grouped(stated)}),公钥被调换,或清单被改动",
            )  # fmt: skip
        else:
            self.say(
                "bad", MANIFEST,
                "签名不符:清单在签名之后被改动(重新计算哈希而没有私钥,签名对不上),"
                f"或 {SIGNATURE} 被改动",
            )  # fmt: skip
        if len(signature) != 64:
            self.say("bad", SIGNATURE, "长度不对,已损坏")

    def files(self, manifest: Mapping[str, Any]) -> None:
        listed: set[str] = set()
        for entry in manifest["files"]:
            path, kind = entry["path"], _KINDS.get(entry["role"], "文件")
            listed.add(path)
            if path not in self.there:  # also what leads out of the folder
                self.say("bad", path, f"{kind}不见了")
                continue
            grows = entry["role"] == "decisions"
            try:
                size = self.there[path].stat().st_size
                digest, _ = hash_file(self.there[path], entry["bytes"] if grows else None)
            except OSError as error:
                self.say("bad", path, f"无法读取:{error.strerror}")
                continue
            self.hashes[path] = digest
            if digest != entry["sha256"]:
                self.say("bad", path, f"{kind}被改动或替换,与清单的 SHA-256 不符")
            elif grows and size > entry["bytes"]:
                self.say("ok", path, f"{kind}与签名时一致")
                self.say(
                    "note", path,
                    "签名之后又有新的复核决定,尚未写入文书;请运行 detector evidence 更新",
                )  # fmt: skip
            else:
                self.say("ok", path, f"{kind}完好,与清单一致")
        for path in sorted(set(self.there) - listed - OWN):
            if path.startswith("earlier/") and path.endswith(f"/{ANSWER}"):
                continue  # an answer that came after a new export: checked as a timestamp
            if path.endswith(".decisions.jsonl") and path.startswith("reports/"):
                self.say(
                    "note", path, "签名之后开始的复核,尚未写入文书;请运行 detector evidence 更新"
                )
            else:
                self.say("bad", path, "不在清单里,是签名之后放进来的")

    def sums(self, manifest: Mapping[str, Any]) -> None:
        text = self.data(SUMS)
        if text is None:
            self.say("bad", SUMS, "不见了")
            return
        expected = {e["path"]: e["sha256"] for e in manifest["files"] if e["role"] != "decisions"}
        for name in (PUBLIC, MANIFEST, SIGNATURE):
            if name in self.there:
                expected[name] = hash_file(self.there[name])[0]
        if REQUEST in self.there and f"  {REQUEST}\n".encode() in text:
            expected[REQUEST] = hash_file(self.there[REQUEST])[0]
        if text == sums(expected).encode("utf-8"):
            self.say("ok", SUMS, "与清单一致")
            return
        before, after = set(text.split(b"\n")), set(sums(expected).encode("utf-8").split(b"\n"))
        names = sorted({line[66:].decode("utf-8", "replace") for line in before ^ after})
        self.say("bad", SUMS, f"与现有文件或清单不一致:{'、'.join(filter(None, names)) or '格式'}")
        if REQUEST in names:
            self.say("bad", REQUEST, "被改动或替换")

    def reports(self, manifest: Mapping[str, Any]) -> None:
        listed = {e["path"]: e["sha256"] for e in manifest["files"]}
        for record in manifest["recordings"]:
            path = record.get("report")
            if not isinstance(path, str) or path not in self.there:
                continue
            if listed.get(record.get("file")) != record["sha256"]:
                self.say("bad", MANIFEST, f"录音 {record.get('number')} 的两处 SHA-256 不一致")
            try:
                about = json.loads(self.data(path) or b"")["recording"]["sha256"]
            except (ValueError, KeyError, TypeError, RecursionError):
                continue  # its hash has been found wrong already
            if about != record["sha256"]:
                self.say("bad", path, "不是这个录音的报告")

    # ---- the log

    def log(self, manifest: Mapping[str, Any] | None) -> None:
        try:
            entries, faults = check_chain(self.folder)
        except InputError:
            self.say("bad", LOG, "保管记录不见了,或无法读取")
            return
        for fault in faults:
            self.say("bad", LOG, f"保管记录{fault.text}")
        if faults:
            return
        if manifest is None:
            self.say("note", LOG, f"保管记录 {len(entries)} 行,前后相接;没有清单,无法核对末尾")
            return
        count, head = manifest["custody"]["lines"], manifest["custody"]["head"]
        if len(entries) < count:
            self.say("bad", LOG, f"保管记录末尾缺少 {count - len(entries)} 行(签名时有 {count} 行)")
            return
        if count < 1 or entries[count - 1]["hash"] != head:
            self.say("bad", LOG, f"保管记录前 {count} 行与签名时不符,被改动后重新连接")
            return
        signed = entries[count : count + 1]
        if not signed or signed[0]["action"] != "sign":
            self.say("bad", LOG, "保管记录末尾被截断:签名之后应有的一行“签名”不见了")
            return
        self.against_log(manifest, entries, count)
        self.log_signature(len(entries), count + 1)
        keys = {e["details"].get("fingerprint") for e in entries if e["action"] == "sign"}
        if len(keys) > 1:
            self.say("note", LOG, f"案件先后由 {len(keys)} 把密钥签名;请确认每一把是谁的")

    def log_signature(self, lines: int, least: int) -> None:
        """Check the signature over the log, which is of `least` lines or more."""
        public, signature = self.data(PUBLIC), self.data(LOG_SIGNATURE)
        if signature is None:
            self.say("bad", LOG_SIGNATURE, "不见了,保管记录末尾是否完整无法核对")
            return
        try:
            signed = signed_lines(self.data(LOG) or b"", public or b"", signature)
        except InputError:
            return  # the public key was found broken or missing already
        if signed < least:
            self.say(
                "bad", LOG,
                f"保管记录与签名 {LOG_SIGNATURE} 不符:签名之后末尾有行被删去或改动,或签名被改动",
            )  # fmt: skip
            return
        self.say("ok", LOG, f"保管记录 {lines} 行,前后相接,签名有效")
        if signed < lines:
            self.say("note", LOG, f"最后 {lines - signed} 行没有签名,可能程序中途退出")

    def against_log(
        self, manifest: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], count: int
    ) -> None:
        """Compare the list with what the log says was exported, imported and signed."""
        logged = entries[count - 1]["files"]
        for entry in manifest["files"]:
            if logged.get(entry["path"]) != entry["sha256"]:
                self.say("bad", entry["path"], "清单与保管记录所记的 SHA-256 不同,清单被改动")
        for path in sorted(set(logged) - {e["path"] for e in manifest["files"]}):
            self.say("bad", path, "保管记录里有,清单里没有,清单被改动")
        imported = {
            path: digest
            for entry in entries[:count]
            if entry["action"] == "import" and "recording" in entry["details"]
            for path, digest in entry["files"].items()
        }
        for record in manifest["recordings"]:
            path = record.get("file")
            if path is not None and imported.get(path) != record["sha256"]:
                self.say("bad", path, "与保管记录里导入时的 SHA-256 不符")
        for name, digest in entries[count]["files"].items():
            if name not in self.there:
                if name == REQUEST:
                    self.say("bad", name, "时间戳申请不见了")
            elif hash_file(self.there[name])[0] != digest:
                self.say("bad", name, "与保管记录里签名时的 SHA-256 不符")

    # ---- timestamps

    def stamps(self) -> None:
        earlier = {p.removesuffix(ANSWER) for p in self.there if p.endswith(f"/{ANSWER}")}
        for place in ("", *sorted(earlier)):
            answer = self.data(place + ANSWER)
            if answer is None:
                if self.data(REQUEST) is not None:
                    self.say(
                        "note", REQUEST,
                        f"时间戳申请已备好,还没有答复;取得后请存为 {ANSWER} 放回本文件夹",
                    )  # fmt: skip
                continue
            stamp = check_answer(
                self.data(place + MANIFEST) or b"", answer, self.data(place + REQUEST), self.roots
            )
            level = {"trusted": "ok", "unknown": "note", "bad": "bad"}[stamp.state]
            text = f"时间戳{stamp.text}"
            if (
                stamp.state == "bad"
                and not place
                and any(p.startswith("earlier/") for p in self.there)
            ):
                text += ";如果它是对以前清单的答复,请移到 earlier/ 里对应的文件夹"
            self.say(level, place + ANSWER, text)


def last_words(verification: Verification) -> list[str]:
    """Return what a reader must know besides: whose key it is, and what a hash cannot prove."""
    lines = []
    if verification.fingerprint:
        lines.append(f"签名公钥指纹:{grouped(verification.fingerprint)}")
        own = own_fingerprint()
        mine = "(与本机的密钥相同)" if own == verification.fingerprint else ""
        lines.append(
            "请把指纹与另处记下的(纸上、发给律师的)逐字比对"
            f"{mine}:谁都可以换上自己的公钥重新签名,只有指纹对得上,才说明是原来的人签的。"
        )
    return lines

"""`detector verify`: every way of tampering is noticed, and the file that was touched is named."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_cases import quiet

from detector.errors import InputError
from detector.evidence import custody, signing
from detector.evidence.build import update_case
from detector.evidence.export import Options
from detector.evidence.files import hash_file
from detector.evidence.manifest import sums
from detector.evidence.verify import verify_case

Run = Callable[..., Any]
LOG, MANIFEST = "custody.jsonl", "manifest.json"


def bad(case: Path) -> dict[str, str]:
    """Return what is wrong, by file."""
    found: dict[str, str] = {}
    for finding in verify_case(case).findings:
        if finding.level == "bad":
            found[finding.file] = found.get(finding.file, "") + finding.text + "\n"
    return found


def one(case: Path, pattern: str) -> Path:
    return sorted(case.glob(pattern))[0]


def flip(path: Path, at: int = -1) -> None:
    """Change one byte, in the middle where none is named."""
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[at if at >= 0 else len(data) // 2] ^= 0x01
    path.write_bytes(data)


def rehash(case: Path) -> None:
    """Bring SHA256SUMS in line with what is there, as somebody without the key can."""
    listed = {e["path"] for e in json.loads((case / MANIFEST).read_bytes())["files"]}
    names = {*listed, MANIFEST, "manifest.sig", "public_key.pem", "manifest.tsq"}
    found = {n: hashlib.sha256((case / n).read_bytes()).hexdigest() for n in names}
    (case / "SHA256SUMS").write_text(sums(found), "utf-8")


def test_an_untouched_case_is_intact_wherever_it_is_moved(case: Path, tmp_path: Path) -> None:
    assert verify_case(case).intact
    moved = tmp_path / "别处"
    case.rename(moved)
    assert verify_case(moved).intact


KINDS = (
    "original/*.wav", "clips/*.wav", "clips/*.mp3", "reports/1.json", "录音整理稿.docx",
    "录音整理稿.pdf", "证据目录.docx", "投诉材料/*.docx", "flags.xlsx", "说明.txt", "报告.html",
    "SHA256SUMS", "manifest.json", "manifest.sig", "public_key.pem", "custody.jsonl",
    "manifest.tsq",
)  # fmt: skip


@pytest.mark.parametrize("pattern", KINDS)
def test_one_changed_byte_is_noticed_in_every_kind_of_file(case: Path, pattern: str) -> None:
    path = one(case, pattern)
    flip(path)
    name = path.relative_to(case).as_posix()
    named = set(bad(case))
    if name in ("manifest.sig", "public_key.pem"):  # the signature tells no more than that
        named |= {"manifest.sig"} if MANIFEST in named else set()
    assert name in named


@pytest.mark.parametrize("pattern", KINDS)
def test_a_missing_file_of_every_kind_is_noticed(case: Path, pattern: str) -> None:
    path = one(case, pattern)
    path.unlink()
    assert path.relative_to(case).as_posix() in bad(case)


def test_a_replaced_clip_is_named(case: Path) -> None:
    clips = sorted(case.glob("clips/*.wav"))
    shutil.copyfile(clips[0], clips[1])
    assert set(bad(case)) == {f"clips/{clips[1].name}"}


def test_a_file_put_in_is_named(case: Path) -> None:
    (case / "clips" / "多出来的.wav").write_bytes(b"RIFF")
    assert "之后放进来" in bad(case)["clips/多出来的.wav"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_file_replaced_by_a_link_to_its_like_is_named(case: Path, tmp_path: Path) -> None:
    path = case / "flags.xlsx"
    shutil.copyfile(path, tmp_path / "elsewhere")
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    assert "flags.xlsx" in bad(case)


# ---- the log


def lines(case: Path) -> list[bytes]:
    return (case / LOG).read_bytes().splitlines(keepends=True)


def relink(rows: list[bytes]) -> bytes:
    """Chain lines anew, as somebody who knows how the log is made can."""
    last, out = custody.START, b""
    for number, row in enumerate(rows, 1):
        entry = json.loads(row)
        entry |= {"n": number, "prev": last}
        last = entry["hash"] = custody._hash(entry)
        out += custody._text(entry).encode() + b"\n"
    return out


@pytest.mark.parametrize("gone", range(4))
def test_a_line_taken_out_of_the_log_is_noticed(case: Path, gone: int) -> None:
    rows = lines(case)
    assert len(rows) == 4
    (case / LOG).write_bytes(b"".join(rows[:gone] + rows[gone + 1 :]))
    assert set(bad(case)) == {LOG}
    (case / LOG).write_bytes(relink(rows[:gone] + rows[gone + 1 :]))
    assert LOG in bad(case)


@pytest.mark.parametrize("first", range(3))
def test_two_lines_of_the_log_that_were_swapped_are_noticed(case: Path, first: int) -> None:
    rows = lines(case)
    rows[first], rows[first + 1] = rows[first + 1], rows[first]
    (case / LOG).write_bytes(b"".join(rows))
    assert set(bad(case)) == {LOG}
    assert "次序" in bad(case)[LOG]


@pytest.mark.parametrize("number", range(4))
def test_an_edited_line_of_the_log_is_named_by_number(case: Path, number: int) -> None:
    rows = lines(case)
    rows[number] = rows[number].replace("王律师".encode(), "李律师".encode())
    (case / LOG).write_bytes(b"".join(rows))
    assert f"第 {number + 1} 行" in bad(case)[LOG]
    (case / LOG).write_bytes(relink(rows))
    assert LOG in bad(case)


@pytest.mark.parametrize("left", range(4))
def test_a_log_cut_off_at_its_end_is_noticed(case: Path, left: int) -> None:
    (case / LOG).write_bytes(b"".join(lines(case)[:left]))
    assert LOG in bad(case)


def test_a_log_that_ends_within_a_line_is_noticed(case: Path) -> None:
    (case / LOG).write_bytes((case / LOG).read_bytes()[:-30])
    assert "截断" in bad(case)[LOG]


def test_lines_added_later_are_part_of_the_chain(case: Path) -> None:
    custody.append(case, "zip", "王律师", {"a.zip": "00" * 32})
    found = verify_case(case)  # as after a crash between the line and its signature
    assert found.intact
    assert any("最后 1 行没有签名" in f.text for f in found.findings)
    custody.sign_log(case, signing.signing_key())
    assert not any("没有签名" in f.text for f in verify_case(case).findings)
    flip(case / LOG, (case / LOG).stat().st_size - 200)
    assert "第 5 行" in bad(case)[LOG]


def test_a_line_written_after_the_manifest_cannot_be_taken_off_again(case: Path) -> None:
    before = (case / LOG).read_bytes()
    custody.append(case, "zip", "王律师", {"a.zip": "00" * 32})
    custody.sign_log(case, signing.signing_key())
    (case / LOG).write_bytes(before)
    assert "末尾有行被删去" in bad(case)[LOG]
    (case / custody.LOG_SIGNATURE).unlink()
    assert set(bad(case)) == {custody.LOG_SIGNATURE}
    with pytest.raises(InputError, match="不完整"):
        update_case(case, Options("王律师"), quiet)


# ---- without the key, and with another


def test_a_manifest_edited_and_hashed_again_without_the_key_is_noticed(case: Path) -> None:
    clip = one(case, "clips/*.wav")
    clip.write_bytes(b"something else")
    content = json.loads((case / MANIFEST).read_bytes())
    entry = next(e for e in content["files"] if e["path"] == f"clips/{clip.name}")
    entry["sha256"], entry["bytes"] = hash_file(clip)
    (case / MANIFEST).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")
    rehash(case)
    found = bad(case)
    assert "没有私钥" in found[MANIFEST]
    assert f"clips/{clip.name}" in found  # the log still says what the clip was


def test_a_replaced_public_key_is_named(
    case: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DETECTOR_KEYS", str(tmp_path / "other"))
    (case / "public_key.pem").write_bytes(signing.signing_key().public)
    rehash(case)
    assert "公钥被调换" in bad(case)["public_key.pem"]


def test_only_the_fingerprint_tells_a_case_that_was_signed_anew_with_another_key(
    case: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, detector: Run
) -> None:
    before = verify_case(case).fingerprint
    monkeypatch.setenv("DETECTOR_KEYS", str(tmp_path / "other"))
    key = signing.signing_key()
    content = json.loads((case / MANIFEST).read_bytes())
    content["made_by"], content["signer"]["fingerprint"] = "别人", key.fingerprint
    data = json.dumps(content, ensure_ascii=False).encode()
    (case / MANIFEST).write_bytes(data)
    (case / "manifest.sig").write_bytes(key.sign(data))
    (case / "public_key.pem").write_bytes(key.public)
    (case / "manifest.tsq").unlink()
    names = ("manifest.json", "manifest.sig", "public_key.pem")
    own = {n: hashlib.sha256((case / n).read_bytes()).hexdigest() for n in names}
    listed = {e["path"]: e["sha256"] for e in content["files"]}
    text = sums(listed | own)
    (case / "SHA256SUMS").write_text(text, "utf-8")
    own["SHA256SUMS"] = hashlib.sha256(text.encode()).hexdigest()
    rows = lines(case)
    last = json.loads(rows[-1]) | {"files": own, "details": {"fingerprint": key.fingerprint}}
    (case / LOG).write_bytes(relink([*rows[:-1], json.dumps(last).encode()]))
    custody.sign_log(case, key)

    found = verify_case(case)
    assert found.intact and found.fingerprint != before
    said = detector("verify", case).out
    assert signing.grouped(key.fingerprint) in said
    assert "谁都可以换上自己的公钥重新签名" in said and "逐字比对" in said


def test_paths_in_a_forged_manifest_lead_nowhere(case: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    content = json.loads((case / MANIFEST).read_bytes())
    content["files"].append(
        {"path": "../secret", "bytes": 1, "sha256": "0" * 64, "role": "original"}
    )
    (case / MANIFEST).write_text(json.dumps(content), "utf-8")
    assert "不见了" in bad(case)["../secret"]


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("files"),
        lambda c: c.update(files=[{"path": 3}]),
        lambda c: c.update(custody=None),
        lambda c: c.update(recordings=[1]),
        lambda c: c.update(format="x"),
    ],
)
def test_a_manifest_of_another_form_is_a_finding_not_a_crash(
    case: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    content = json.loads((case / MANIFEST).read_bytes())
    change(content)
    (case / MANIFEST).write_text(json.dumps(content), "utf-8")
    assert MANIFEST in bad(case)


# ---- the command


def test_the_command_says_what_is_intact_and_what_is_not(case: Path, detector: Run) -> None:
    done = detector("verify", case)
    assert done.code == 0
    assert "没有发现任何变动" in done.out
    assert "不能证明录音在导入之前" in done.out
    flip(one(case, "original/*.wav"))
    done = detector("verify", case)
    assert done.code == 1
    assert "[有问题] original/通话.wav" in done.out
    assert "原始录音被改动或替换" in done.out


def test_what_is_no_case_folder_is_said_with_exit_code_2(tmp_path: Path, detector: Run) -> None:
    for path in (tmp_path, tmp_path / "没有"):
        done = detector("verify", path)
        assert (done.code, len(done.error_lines)) == (2, 1)
        assert "不是案件文件夹" in done.err

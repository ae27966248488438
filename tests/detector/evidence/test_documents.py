"""The documents of a case, read back from the files that were written."""

import io
import zipfile
from pathlib import Path

import case_for_documents as made
import docx
import pypdfium2
import pytest

from detector.evidence.documents import write_documents
from detector.evidence.model import Case

LETTERS = ("投诉信-12378", "举报内容-中互金协", "投诉函-致贷款机构", "请求提供录音函")
FULL_COLON = "\uff1a"


def pdf_pages(data: bytes | Path) -> list[str]:
    with pypdfium2.PdfDocument(data) as document:
        return [page.get_textpage().get_text_range() for page in document]


def pdf_text(data: bytes | Path) -> str:
    return "".join("".join(pdf_pages(data)).split())


def word_text(path: Path) -> str:
    document = docx.Document(str(path))
    return "".join(t.text or "" for t in document.element.body.iter() if t.tag.endswith("}t"))


def squeezed(text: str) -> str:
    return "".join(text.split())


def written(case: Case, folder: Path) -> dict[str, Path]:
    paths = write_documents(made.with_clips(case, folder), folder)
    return {path.relative_to(folder).as_posix(): path for path in paths}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("case")
    written(made.case(), place)
    return place


def test_every_file_is_written_and_named(tmp_path: Path) -> None:
    names = {*written(made.case(), tmp_path)}
    assert names == {
        "录音整理稿.docx", "录音整理稿.pdf", "证据目录.docx", "证据目录.pdf", "flags.xlsx",
        "说明.txt", *(f"投诉材料/{name}.docx" for name in LETTERS),
        "投诉材料/附件包-2MB.zip", "投诉材料/附件包-10MB.zip",
    }  # fmt: skip
    assert {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()} == (
        names | {f"clips/{c.listening}" for c in made.case().items[0].clips.values()}
    )


def test_same_case_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = written(made.case(), tmp_path)
    for name, path in again.items():
        assert path.read_bytes() == (folder / name).read_bytes(), name


@pytest.mark.parametrize("name", ["录音整理稿", "证据目录"])
def test_word_and_pdf_say_the_same(folder: Path, name: str) -> None:
    word = squeezed(word_text(folder / f"{name}.docx"))
    pages = pdf_pages(folder / f"{name}.pdf")
    body = "".join(squeezed(page).replace(f"第{n}页共{len(pages)}页", "").removeprefix(name)
                   for n, page in enumerate(pages, 1))  # fmt: skip
    for piece in word.split("。"):
        tail = piece[-8:]
        assert tail in body, tail


def test_pages_are_numbered(folder: Path) -> None:
    pages = pdf_pages(folder / "证据目录.pdf")
    for number, page in enumerate(pages, 1):
        assert squeezed(f"第 {number} 页 共 {len(pages)} 页") in squeezed(page)
    document = docx.Document(str(folder / "证据目录.docx"))
    footer = document.sections[0].footer._element.xml
    assert " PAGE " in footer and " NUMPAGES " in footer


def test_transcript_has_the_facts_and_both_sides(folder: Path) -> None:
    text = word_text(folder / "录音整理稿.docx")
    for fact in (
        "通话_0305.m4a", "00:01:01.250", "1,234,567", "01234567 89abcdef",
        "2026-03-05 22:41:07 (UTC+08:00)", "系统通话记录", "010-12340000", "本人",
        "[00:00:05.0–00:00:09.2]", f"甲\uff08催收方\uff09{FULL_COLON}",
        f"乙\uff08借款人\uff09{FULL_COLON}", "核对人\uff08签名\uff09", "2026-03-06 09:30:00",
        "本软件输出不构成法律意见或事实认定。", "钱二",
    ):  # fmt: skip
        assert fact in text, fact


def test_corrected_text_stands_beside_the_machines(folder: Path) -> None:
    for text in (
        squeezed(word_text(folder / "录音整理稿.docx")),
        pdf_text(folder / "录音整理稿.pdf"),
        squeezed(word_text(folder / "证据目录.docx")),
    ):
        corrected = text.index("窝囊废")
        assert f"机器原文{FULL_COLON}“你就是个骗钱的废物" in text[corrected : corrected + 80]


def test_what_is_not_known_stays_blank(tmp_path: Path) -> None:
    said = (("A", "collector", "我是宏远消费金融的李经理,找周小明"), *made.SAID[:1])
    plain = made.report(said, (("F1", "threat", "exposure", ("U2",)),))
    case = made.case(made.item(plain, ("confirm", "F1")), facts={})
    paths = written(case, tmp_path)
    for name in LETTERS:
        text = word_text(paths[f"投诉材料/{name}.docx"])
        assert "____" in text and "宏远" not in text and "周小明" not in text
    transcript = word_text(paths["录音整理稿.docx"])
    assert "____\uff08机器推断为借款人\uff0c待核对\uff09" in transcript
    listed = word_text(paths["证据目录.docx"])
    assert "宏远" not in listed


def test_only_confirmed_flags_are_evidence(folder: Path) -> None:
    text = word_text(folder / "证据目录.docx")
    listed, annex = text.split("附件 未复核的标记")
    assert "你自己算算" not in listed and "你自己算算" in annex
    assert "全村的人" in listed and "全村的人" not in annex
    assert "未复核" in annex and "不作为证据提交" in annex
    for name in LETTERS[:3]:
        assert "你自己算算" not in word_text(folder / "投诉材料" / f"{name}.docx")


def test_rejected_flags_are_in_no_document(tmp_path: Path) -> None:
    case = made.case(made.item(made.report(), ("confirm", "F1"), ("reject", "F3")))
    paths = written(case, tmp_path)
    assert "你自己算算" not in word_text(paths["证据目录.docx"])
    assert "【标记 1-F3】" not in word_text(paths["录音整理稿.docx"])
    assert "已否定 1 处" in paths["说明.txt"].read_text("utf-8-sig")


def test_proof_is_a_draft_and_law_a_possibility(folder: Path) -> None:
    text = word_text(folder / "证据目录.docx")
    assert f"拟证明{FULL_COLON}该次通话中" in text
    assert "可能涉及《中华人民共和国治安管理处罚法》第50条第1款第5项" in text
    assert "第42条第5项" not in text
    assert "构成" not in text.replace("不构成法律意见", "")


def test_call_of_unknown_day_names_both_versions_of_the_law(tmp_path: Path) -> None:
    plain = made.report()
    recording = made.dataclasses.replace(
        plain.recording, started_at=made.StartedAt("2026-03-05T22:41:07+08:00", "mtime", "low")
    )
    plain = made.dataclasses.replace(plain, recording=recording)
    paths = written(made.case(made.item(plain, ("confirm", "F1"))), tmp_path)
    text = word_text(paths["证据目录.docx"])
    assert "第42条第5项" in text and "第50条第1款第5项" in text and "由通话日期决定" in text
    transcript = word_text(paths["录音整理稿.docx"])
    assert "22:41" not in transcript and "文件中没有可靠的通话时间" in transcript


def test_case_without_a_confirmed_flag(tmp_path: Path) -> None:
    paths = written(made.case(made.item(made.report())), tmp_path)
    assert not any(name.endswith(".zip") for name in paths)
    assert "没有已确认的标记" in word_text(paths["证据目录.docx"])
    assert "尚无经人工确认的内容" in word_text(paths["投诉材料/投诉信-12378.docx"])
    assert "未做附件包" in paths["说明.txt"].read_text("utf-8-sig")


def test_case_without_speech(tmp_path: Path) -> None:
    paths = written(made.case(made.item(made.report((), ()))), tmp_path)
    assert "请直接听原始录音" in word_text(paths["录音整理稿.docx"])


@pytest.mark.parametrize("status", ["unreviewed", "confirmed", "rejected"])
def test_help_line_comes_first_where_self_harm_is_urged(tmp_path: Path, status: str) -> None:
    said = (("A", "collector", "你怎么还不去跳楼"), *made.SAID)
    plain = made.report(
        said, (("F1", "threat", "self_harm", ("U1",)), ("F2", "threat", "exposure", ("U2",)))
    )
    step = {"confirmed": [("confirm", "F1")], "rejected": [("reject", "F1")]}.get(status, [])
    paths = written(made.case(made.item(plain, ("confirm", "F2"), *step)), tmp_path)
    for name, path in paths.items():
        if name.endswith(".docx"):
            assert ("12356" in word_text(path)[:40]) is (status != "rejected"), name
    for name in ("录音整理稿.pdf", "证据目录.pdf"):
        assert ("12356" in pdf_text(paths[name])[:50]) is (status != "rejected"), name
    first = paths["说明.txt"].read_text("utf-8-sig").splitlines()[0]
    assert ("12356" in first) is (status != "rejected")


def test_redacted_copy_says_so_on_top(tmp_path: Path) -> None:
    paths = written(made.case(redacted=True), tmp_path)
    for name, path in paths.items():
        if name.endswith(".docx"):
            assert "人工检查后方可外发" in word_text(path)[:40], name
    assert "人工检查后方可外发" in pdf_text(paths["证据目录.pdf"])[:50]
    assert "人工检查后方可外发" in paths["说明.txt"].read_text("utf-8-sig")[:60]


def test_traditional_documents_keep_the_words_as_spoken(tmp_path: Path) -> None:
    paths = written(made.case(script="traditional"), tmp_path)
    text = word_text(paths["证据目录.docx"])
    assert "證據目錄" in text and "擬證明" in text and "核對" in text
    assert "你今天不把钱打过来\uff0c我让你们全村的人都晓得这件事。" in text
    assert "赵一" in text and "趙一" not in text
    assert "第 1 頁 共" in "".join(pdf_pages(paths["证据目录.pdf"])[0].splitlines())
    readme = paths["说明.txt"].read_text("utf-8-sig")
    assert "各檔案" in readme or "各文件" in readme
    assert "证据目录.docx" in readme and "sha256sum -c SHA256SUMS" in readme


def test_how_to_check_without_this_program(folder: Path) -> None:
    data = (folder / "说明.txt").read_bytes()
    text = data.decode("utf-8-sig")
    assert data.startswith(b"\xef\xbb\xbf") and "\n" not in text.replace("\r\n", "")
    for command in (
        "sha256sum -c SHA256SUMS", "certutil -hashfile", "openssl pkeyutl -verify -pubin",
        "-rawin", "detector verify",
    ):  # fmt: skip
        assert command in text
    assert "不能说明导入之前的情况" in text and "abababab abababab" in text


def test_packs_hold_the_gravest_clips_that_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from detector.evidence.documents import pack

    monkeypatch.setattr(
        pack, "LIMITS", {"附件包-小": 200_000, "附件包-大": 400_000, "附件包-零": 9}
    )
    said = tuple(
        ("A", "collector", text) for text in ("嘲讽一句", "要动手了", "晒到群里", "再骂一句")
    )
    marks = (
        ("F1", "insult", "mockery", ("U1",)), ("F2", "threat", "violence", ("U2",)),
        ("F3", "threat", "exposure", ("U3",)), ("F4", "insult", "profanity", ("U4",)),
    )  # fmt: skip
    plain = made.report(said, marks)
    case = made.case(made.item(plain, *(("confirm", mark[0]) for mark in marks)))
    made.with_clips(case, tmp_path, 60_000)
    clip = case.items[0].clips["F2"].listening
    (tmp_path / "clips" / clip).write_bytes(bytes(190_000))  # the gravest, too large for the small
    paths = {p.name: p for p in write_documents(case, tmp_path)}
    assert "附件包-零.zip" not in paths
    held: dict[str, list[str]] = {}
    for name, limit in (("附件包-小.zip", 200_000), ("附件包-大.zip", 400_000)):
        assert paths[name].stat().st_size <= limit
        with zipfile.ZipFile(paths[name]) as pack_file:
            assert pack_file.testzip() is None
            held[name] = [n.split("_")[0] for n in pack_file.namelist()]
            excerpt = pdf_text(pack_file.read("片段摘录.pdf"))
        assert "〔U+" not in excerpt
        if name == "附件包-小.zip":
            assert "晒到群里" in excerpt and "要动手了" not in excerpt
            assert "1-F2" in excerpt.split("未放入片段的标记")[1]
    assert held["附件包-小.zip"] == ["片段摘录.pdf", "1-F3", "1-F4"]
    assert held["附件包-大.zip"][:3] == ["片段摘录.pdf", "1-F2", "1-F3"]


def test_clip_that_is_gone_is_left_out_and_named(tmp_path: Path) -> None:
    case = made.with_clips(made.case(), tmp_path)
    (tmp_path / "clips" / case.items[0].clips["F2"].listening).unlink()
    paths = {p.name: p for p in write_documents(case, tmp_path)}
    with zipfile.ZipFile(io.BytesIO(paths["附件包-2MB.zip"].read_bytes())) as pack_file:
        assert not any("F2" in name for name in pack_file.namelist())
        assert "1-F2" in pdf_text(pack_file.read("片段摘录.pdf")).split("未放入片段的标记")[1]


def test_what_is_stated_of_one_call_is_not_said_of_another(tmp_path: Path) -> None:
    facts = {"caller_number": "400-1111", "answered_by": "colleague", "lender_type": "bank"}
    first = made.report(case=facts | {"parties": {"lender": "甲银行"}})
    second = made.report(case={"lender_type": "microloan", "parties": {"lender": "乙小贷"}})
    case = made.case(
        made.item(first, ("confirm", "F2")),
        made.item(second, ("confirm", "F2"), number=2),
        facts=first.case,
    )
    paths = written(case, tmp_path)
    heard = word_text(paths["录音整理稿.docx"])
    before, after = heard.split("证据编号\uff1a2附1")
    assert "400-1111" in before and "400-1111" not in after and "同事" not in after
    letter = word_text(paths["投诉材料/投诉函-致贷款机构.docx"])
    assert "致\uff1a____" in letter and "甲银行" not in letter and "乙小贷" not in letter
    rows = docx.Document(str(paths["证据目录.docx"])).tables[-2].rows
    by_rule = {row.cells[0].text: row.cells[3].text for row in rows}
    (card,) = [flags for rule, flags in by_rule.items() if "信用卡业务监督" in rule]
    (fame,) = [flags for rule, flags in by_rule.items() if "第1024条" in rule]
    assert card == "1-F2" and fame == "1-F2"

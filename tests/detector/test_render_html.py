"""The page as text: what runs, what is fetched, what is shown, and in which order."""

import base64
import dataclasses
import hashlib
import html
import re
from typing import Any

import pytest
from page_parts import SOUND, Outline, flag, report, utterances

from detector.case import ANSWERED_BY, LENDER_TYPES
from detector.ghosts import Dropped
from detector.labels import CATEGORY_NAMES, OBSERVATION_NAMES, ROLE_NAMES, SUBTYPES
from detector.render_html import ListeningCopy, render_html
from detector.report import (
    DISCLAIMER,
    Flag,
    Observation,
    RecordingFacts,
    Span,
    Speaker,
    StartedAt,
    Utterance,
)

HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>"


def policy(page: str) -> dict[str, str]:
    content = Outline(page).all("meta")[1]["content"] or ""
    return dict(part.strip().split(" ", 1) for part in content.split(";"))


def inlined(page: str, tag: str) -> str:
    (found,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S)
    return str(found)


def test_stored_script_stays_text_wherever_it_comes_from() -> None:
    """Each field that may hold foreign text gets the same hostile text."""
    said = Utterance(HOSTILE, 0, 2, HOSTILE, HOSTILE, HOSTILE, HOSTILE + "x", True, (), {})
    hostile_flag = Flag(
        HOSTILE, HOSTILE, HOSTILE, 0, 2, HOSTILE, (HOSTILE,), HOSTILE, HOSTILE, 0.5, HOSTILE,
        HOSTILE, HOSTILE, 4, (Span(1, 20, HOSTILE, 1.0, HOSTILE),), HOSTILE,
    )  # fmt: skip
    bad = report(
        recording=RecordingFacts(
            HOSTILE, HOSTILE, 1, 2.0, HOSTILE, HOSTILE, 8000, 1, HOSTILE,
            StartedAt(HOSTILE, HOSTILE, HOSTILE),
        ),
        settings={HOSTILE: {HOSTILE: HOSTILE}},
        listener={"role": HOSTILE, "confidence": 0.5, "source": HOSTILE},
        speakers=(Speaker(HOSTILE, HOSTILE, 0.5, HOSTILE, HOSTILE, 1.0),),
        utterances=(said,),
        flags=(hostile_flag,),
        observations=(Observation(HOSTILE, HOSTILE, 0, 1, HOSTILE, (HOSTILE,), HOSTILE),),
        dropped=(Dropped(0, 1, HOSTILE, HOSTILE),),
        warnings=(HOSTILE,),
        case={HOSTILE: HOSTILE, "parties": {HOSTILE: HOSTILE}},
        schema_version=HOSTILE,
        disclaimer=HOSTILE,
    )  # fmt: skip
    page = render_html(bad, ListeningCopy(None, "audio/ogg", HOSTILE.replace("</", "<")))
    outline = Outline(page)
    assert len(outline.all("script")) == 1
    assert not outline.all("img")
    assert not [a for _, attributes in outline.tags for a in attributes if a.startswith("on")]
    assert "alert(1)" not in inlined(page, "script")
    assert outline.text.count("<script>alert(1)</script>") > 20


def test_characters_that_hide_or_turn_text_are_written_out_and_the_page_can_be_saved() -> None:
    facts = dataclasses.replace(report().recording, file="a\u202egpj\x00\udcff\u200b.m4a")
    page = render_html(report(recording=facts), None)
    assert "a\\u202egpj\\u0000\\udcff\\u200b.m4a" in page
    assert page.encode("utf-8")


@pytest.mark.parametrize("audio", [None, SOUND, ListeningCopy(None, "audio/mp4", "copy.m4a")])
def test_nothing_is_fetched_and_nothing_else_may_run(audio: ListeningCopy | None) -> None:
    page = render_html(report(), audio)
    bare = re.sub(r"sha256-[\w+/=]+", "", page).replace("</", "")
    assert not re.search(r"https?:|//[a-z]|@import|url\(", bare)
    allowed = policy(page)
    assert allowed["default-src"] == "'none'"
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(inlined(page, tag).encode()).digest()).decode()
        assert allowed[f"{tag}-src"] == f"'sha256-{digest}'"
    assert "unsafe" not in " ".join(allowed.values())
    outline = Outline(page)
    assert outline.tags[3][1].get("http-equiv") == "Content-Security-Policy"  # before all else
    assert not [1 for _, attributes in outline.tags if "style" in attributes]
    assert {a["href"][:1] for a in outline.all("a") if a.get("href")} == {"#"}  # type: ignore[index]


def test_embedded_sound() -> None:
    page = render_html(report(), SOUND)
    (audio,) = Outline(page).all("audio")
    data = base64.b64encode(b"OggS sound").decode()
    assert audio["src"] == f"data:audio/ogg; codecs=opus;base64,{data}"
    assert policy(page)["media-src"] == "data:"
    assert "试听副本,非证据" in page


def test_sound_beside_the_page() -> None:
    page = render_html(report(), ListeningCopy(None, "audio/ogg", "副本/a #1%?.ogg"))
    (audio,) = Outline(page).all("audio")
    assert audio["src"] == "./%E5%89%AF%E6%9C%AC/a%20%231%25%3F.ogg"
    assert policy(page)["media-src"] == "'self'"


def test_a_name_that_looks_like_an_address_stays_a_name() -> None:
    assert ListeningCopy(None, "audio/ogg", "javascript:alert(1)").source == (
        "./javascript%3Aalert%281%29"
    )


@pytest.mark.parametrize("href", ["../a.ogg", "/a.ogg", "..\\b.ogg", "//host/a.ogg", ""])
def test_sound_elsewhere_is_refused(href: str) -> None:
    with pytest.raises(ValueError, match="beside the page"):
        render_html(report(), ListeningCopy(None, "audio/ogg", href))


@pytest.mark.parametrize("mime", ["text/html", 'audio/ogg" onplay="x', ""])
def test_only_sound_is_embedded(mime: str) -> None:
    with pytest.raises(ValueError, match="not a type of sound"):
        render_html(report(), ListeningCopy(b"x", mime))


@pytest.mark.parametrize("audio", [None, ListeningCopy(None, "audio/ogg")])
def test_without_sound_times_are_text_and_the_page_says_so(audio: ListeningCopy | None) -> None:
    page = render_html(report(), audio)
    outline = Outline(page)
    assert not outline.all("audio")
    assert [b["id"] for b in outline.all("button")] == ["switch"]
    assert "本报告不含音频" in outline.text
    assert "0:00:10.0–0:00:19.0" in outline.text
    assert policy(page)["media-src"] == "'none'"


def test_who_may_be_in_distress_reads_of_help_before_all_else() -> None:
    flags = (flag(1, "threat", "self_harm", ("U0",)),)
    page = render_html(report(flags=flags), SOUND)
    main = page[page.index("<main>") + len("<main>") :].lstrip()
    assert main.startswith('<aside class="support">')
    assert 'href="tel:12356"' in main[: main.index("</aside>")]
    assert "12356" not in Outline(render_html(report(), SOUND)).text


def test_parts_follow_the_order_of_reading() -> None:
    full = report(
        observations=(Observation("O1", "impersonation", 1, 2, "我是法院的", ("U0",), "待核实"),),
        dropped=(Dropped(50, 52, "请不吝点赞", "boilerplate"),),
        warnings=("录音很短",),
    )
    page = render_html(full, SOUND)
    parts = (
        "<h1>", DISCLAIMER, 'id="facts"', 'id="counts"', "<audio", 'id="flags"',
        'id="observations"', 'id="transcript"', 'id="dropped"', 'id="warnings"', "<details>",
        'id="checking"', "<footer>",
    )  # fmt: skip
    places = [page.index(part) for part in parts]
    assert places == sorted(places)
    assert DISCLAIMER in page[places[-1] :]


def test_facts_of_the_recording() -> None:
    text = Outline(render_html(report(), None)).text
    assert "通话.m4a" in text
    assert "0:01:01.2" in text
    assert "2026-03-05T22:41:07+08:00" in text
    assert "系统通话记录" in text
    page = render_html(report(), None)
    assert "<span>01234567</span><wbr><span>89abcdef</span>" in page
    unknown = dataclasses.replace(report().recording, started_at=StartedAt(None, None, None))
    assert "不详" in render_html(report(recording=unknown), None)


def test_counts_for_each_category() -> None:
    page = render_html(report(), None)
    table = re.findall(r"<table>.*?</table>", page)[1]
    assert re.findall(r"<td>(\d+)</td><td>(\d+)</td>", table) == [
        ("1", "0"),
        ("0", "1"),
        ("0", "0"),
    ]


def test_an_empty_report_is_no_clean_bill() -> None:
    empty = report(flags=(), utterances=(), speakers=())
    assert "未识别到疑似内容。机器可能漏听" in render_html(empty, SOUND)


def test_every_label_has_english() -> None:
    """The script must know each label that does not bring its own English."""
    full = report(
        flags=(flag(1, "threat", "self_harm", ("U0",), why=(Span(0, 1, "", 1.0, "ni"),)),),
        utterances=(dataclasses.replace(utterances()[0], overlapped=True, raw_text="x"),),
        warnings=("w",),
        observations=(Observation("O1", "deception", 1, 2, "q", ("U0",), "n"),),
        dropped=tuple(Dropped(1, 2, "x", r) for r in ("no_speech", "boilerplate", "repetition")),
    )
    no_time = dataclasses.replace(
        full.recording, layout="stereo", started_at=StartedAt(None, None, "low")
    )
    one_sided = dataclasses.replace(
        full.recording, layout="one-sided", started_at=StartedAt(None, None, "medium")
    )
    pages = [
        render_html(full, SOUND),
        render_html(report(), SOUND),
        render_html(dataclasses.replace(full, recording=no_time), None),
        render_html(dataclasses.replace(full, recording=one_sided, flags=()), None),
    ]
    for code in (*LENDER_TYPES.values(), *ANSWERED_BY.values()):
        case: dict[str, Any] = {"lender_type": code, "answered_by": code}
        case |= dict.fromkeys(("recorded_by", "caller_number", "called_number", "note"), "x")
        case["parties"] = dict.fromkeys(("debtor", "lender", "agency"), "x")
        pages.append(render_html(report(case=case), None))
    for source in ("user", "case"):
        listener = {"role": "third_party", "confidence": 1.0, "source": source}
        pages.append(render_html(report(listener=listener), None))
    for source, channel in (("container", "left"), ("user", "right")):
        begun = StartedAt("2026", source, "stated")
        facts = dataclasses.replace(report().recording, started_at=begun)
        voice = (Speaker("S1", "collector", 1.0, "user", channel, 3.0),)
        pages.append(render_html(report(recording=facts, speakers=voice), None))
    for status in ("confirmed", "rejected"):
        flags = (flag(1, "threat", "veiled", ("U0",), status=status),)
        pages.append(render_html(report(flags=flags), None))
    known = set(re.findall(r'"([^"\n]*)":\s', inlined(pages[0], "script")))
    used = {
        html.unescape(label)
        for page in pages
        for label in re.findall(r"<span data-t>([^<]*)</span>", page)
    }
    assert used <= known
    assert known <= used  # and none is left over


@pytest.mark.parametrize("name", ["style", "script"])
def test_inlined_text_cannot_end_its_element(name: str) -> None:
    assert not re.search(r"</|<!--", inlined(render_html(report(), None), name))


def test_every_name_in_the_labels_can_be_shown() -> None:
    flags = tuple(
        flag(n, category, subtype, ("U0",))
        for n, (category, subtype) in enumerate(
            (category, subtype) for category, group in SUBTYPES.items() for subtype in group
        )
    )
    said = tuple(dataclasses.replace(utterances()[0], id=role, role=role) for role in ROLE_NAMES)
    observed = tuple(Observation("O", kind, 0, 1, "", (), "") for kind in OBSERVATION_NAMES)
    text = Outline(
        render_html(report(flags=flags, utterances=said, observations=observed), None)
    ).text
    names = [*CATEGORY_NAMES.values(), *ROLE_NAMES.values(), *OBSERVATION_NAMES.values()]
    names += [name[:2] for group in SUBTYPES.values() for name in group.values()]
    assert not [name for name, _ in names if name not in text]


def test_the_same_report_gives_the_same_page() -> None:
    assert render_html(report(), SOUND) == render_html(report(), SOUND)

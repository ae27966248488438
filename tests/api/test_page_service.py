"""The page on the real service: from a recording to its evidence, and gone again."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from fake_calls import STORED_SCRIPT
from http_help import served
from page_help import Watched, browser, choose, give_name, until, watched

__all__ = ["browser", "watched"]

ROOT = Path(__file__).parents[2]
SCAN_MS = 560_000  # the longest wait where much else runs on the machine
NOW = "document.querySelector('audio').currentTime"


def detector(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""

    return subprocess.run(
        [sys.executable, "-m", "detector", *map(str, words)], capture_output=True, text=True,
        cwd=ROOT, timeout=300, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def decide(page: Any, number: int, act: str, becomes: str) -> None:
    """Press a button of the n-th flag and wait for what it becomes."""
    page.locator(f".flag >> nth={number} >> [data-act={act}]").click()
    if page.locator("dialog").count():
        give_name(page, "林小燕")
    page.locator(f".flag.is-{becomes} >> nth=0").wait_for()


def hear(page: Any, number: str) -> None:
    """Play at the second flag: from a second before it, with the transcript following."""
    begins = page.evaluate(
        f"fetch('/v1/recordings/{number}/review').then((r) => r.json())"
        ".then((r) => r.flags[1].start_s)"
    )
    page.locator(".flag >> nth=1 >> [data-act=play]").click()
    until(page, f"{NOW} > {begins - 1.05} && !document.querySelector('audio').paused")
    until(page, f"{NOW} > {begins} && {NOW} < {begins + 10}")
    until(page, "document.querySelector('.line[aria-current]') !== null")
    page.locator("#play").click()


def correct(page: Any) -> None:
    """Set the words of the first flag right; all decisions are there after a reload."""
    card = page.locator(".flag >> nth=0")
    card.locator("[data-act=correct]").click()
    card.locator("textarea").fill("你说话从来都不算数,你就是个不要脸的骗子!")
    card.locator("form .main").click()
    card.locator("q").wait_for()
    page.reload()
    page.locator(".flag.is-confirmed q").wait_for()
    assert "不算数" in page.locator(".flag.is-confirmed blockquote").inner_text()
    assert page.locator(".flag.is-rejected").count() == 1


def package(page: Any, folder: Path, mask: str = "") -> Path:
    """Download the evidence; return the folder in which it was unpacked."""
    page.locator("#evidence").click()
    if mask:
        page.locator("dialog [value=redacted]").check()
        page.get_by_label("要遮盖的姓名").fill(mask)
    with page.expect_download(timeout=SCAN_MS) as saved:
        page.locator("dialog .main").click()
    page.wait_for_selector("dialog", state="detached")
    with zipfile.ZipFile(saved.value.path()) as packed:
        packed.extractall(folder)
    (found,) = {path.parent for path in folder.rglob("manifest.json")}
    return found


@pytest.mark.slow
def test_from_a_recording_to_verified_evidence_and_gone(watched: Watched, tmp_path: Path) -> None:
    with served(tmp_path, quick=False) as server:
        page = watched.open(server.url)
        page.locator("#file").set_input_files(ROOT / "samples" / "abusive_debtor.m4a")
        page.wait_for_selector(".waiting")
        page.locator(".flag").first.wait_for(timeout=SCAN_MS)
        number = page.evaluate("location.hash.slice(4)")
        texts = page.locator(".flag h3").all_inner_texts()
        assert len(texts) >= 3
        assert all(text.startswith("疑似") for text in texts)
        hear(page, number)
        decide(page, 0, "confirmed", "confirmed")
        decide(page, 1, "rejected", "rejected")
        correct(page)

        case = package(page, tmp_path / "case")
        assert [path.suffix for path in (case / "original").iterdir()] == [".m4a"]
        checked = detector("verify", case)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        masked = package(page, tmp_path / "masked", "林小燕")
        assert not (masked / "original").exists()

        page.locator(".heading [data-act=delete]").click()
        page.locator("dialog .danger").click()
        page.locator("#recordings .none").wait_for()
        assert [name for name in server.files() if number in name] == []

        page.locator(".tab").nth(1).click()
        page.locator("#messages").fill("催收:再不还我就到你单位贴大字报\n我:我会还的")
        page.locator("form .main").click()
        page.locator("#messages-result .flag").first.wait_for(timeout=SCAN_MS)
        page.close()


def test_a_stored_name_a_key_and_the_player_on_the_real_service(
    watched: Watched, tmp_path: Path
) -> None:
    watched.expect("401")
    watched.expect("audio|ERR_|416")  # the quick task's sound is none
    data = tmp_path / "data"
    made = detector("keys", "create", "--data-dir", data)
    key = next(word for word in made.stdout.split() if word.startswith("hd_"))
    with served(tmp_path) as server:
        page = watched.open(server.url)
        page.locator("dialog input").fill("hd_wrong_wrong")
        page.keyboard.press("Enter")
        page.locator("dialog p.bad").get_by_text("这个密钥不对").wait_for()
        page.locator("dialog input").fill(key)
        page.keyboard.press("Enter")
        page.locator("#recordings .none").wait_for()
        name = STORED_SCRIPT.replace('"', "'").replace("/", "_") + ".wav"
        page.locator("#file").set_input_files(choose(name, b"urgent call"))
        page.locator(".flag").first.wait_for()
        assert page.evaluate("window.hacked") is None
        assert "<script>" in page.locator("h1").inner_text()
        assert page.evaluate("document.getElementById('main').innerText").strip().find("12356") < 90
        until(page, "document.querySelector('audio').src !== ''")
        cookies = page.context.cookies()
        assert [c["httpOnly"] and c["sameSite"] == "Strict" for c in cookies] == [True]
        other = watched.open(server.url)  # somebody without the key
        other.locator("dialog input").wait_for()
        assert other.locator("#recordings a").count() == 0
        page.locator("#forget").click()
        page.locator("dialog input").wait_for()
        assert page.context.cookies() == []

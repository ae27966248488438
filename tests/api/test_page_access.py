"""Who can use the page: by keyboard, by ear, on a small screen, in English, with a key."""

from typing import Any

import pytest
from page_help import Watched, browser, choose, fake, give_name, result, until, upload, watched

__all__ = ["browser", "fake", "watched"]

VIEWS = ("home", "options", "progress", "failed", "result", "messages")
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
UNNAMED = """() => [...document.querySelectorAll(
    "button, a, input, select, textarea, progress, [role=slider], section[aria-labelledby]")]
  .filter((e) => e.getClientRects().length)
  .filter((e) => {
    const by = (e.getAttribute("aria-labelledby") ?? "").split(" ")
      .map((id) => document.getElementById(id)?.textContent ?? "").join("");
    const labels = [...(e.labels ?? [])].map((l) => l.textContent).join("");
    return !(e.getAttribute("aria-label") || by || labels || e.textContent.trim());
  }).map((e) => e.outerHTML.slice(0, 120))"""
CHINESE = """() => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), out = [];
  for (let n = walk.nextNode(); n; n = walk.nextNode()) {
    const own = n.parentElement.closest("[lang]").lang;
    if (own === "en" && /[\\u4e00-\\u9fff]/.test(n.data)) out.push(n.data);
  }
  for (const e of document.querySelectorAll("[aria-label], [title], [placeholder]"))
    for (const a of ["aria-label", "title"])
      if (/[\\u4e00-\\u9fff]/.test(e.getAttribute(a) ?? "")) out.push(e.getAttribute(a));
  return out; }"""


def show(page: Any, fake: Any, view: str) -> None:
    """Bring a view of the page up."""
    if view in ("home", "options"):
        page.wait_for_selector("#recordings li")
    if view == "options":
        page.locator("details.more summary").click()
    if view == "progress":
        upload(page, "slow.m4a", ".waiting .here")
    if view == "failed":
        upload(page, "bad.m4a", ".box.bad")
    if view == "result":
        upload(page, "x" * 120 + "urgent.m4a")
    if view == "messages":
        page.goto(fake.url + "/#/text")
        page.locator("#messages").fill("脸皮真厚\n" + "a" * 300)
        page.locator("form .main").click()
        page.wait_for_selector("#messages-result .flag")


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_is_narrow_named_and_english(watched: Watched, fake: Any, view: str) -> None:
    page = watched.open(fake.url, **PHONE)
    show(page, fake, view)
    for language in ("zh-Hans", "en"):  # English words are longer
        assert page.evaluate("document.documentElement.lang") == language
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        assert page.evaluate(UNNAMED) == []
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
        assert len(ids) == len(set(ids))
        assert page.locator("h1").count() == 1
        page.locator("#language").click()
    page.locator("#language").click()
    own = {"中文", "简体", "繁體"}  # names of languages stand in their own
    assert [text for text in page.evaluate(CHINESE) if text.strip() not in own] == []


def test_on_a_phone_flags_and_transcript_take_turns(watched: Watched, fake: Any) -> None:
    page = result(watched, fake, **PHONE)
    assert page.locator("#flags").is_visible()
    assert not page.locator("#lines").is_visible()
    page.locator(".tabs [data-view=transcript]").tap()
    assert page.locator("#lines").is_visible()
    page.locator(".line[data-utterance=U5] .tag").tap()
    assert page.locator(".flag[data-flag=F1]").is_visible()
    small = page.evaluate(
        """() => [...document.querySelectorAll(".decide button, .controls button, .tabs button")]
        .filter((b) => b.getClientRects().length)
        .filter((b) => Math.min(b.offsetHeight, b.offsetWidth) < 38).map((b) => b.outerHTML)"""
    )
    assert small == []  # to be hit by a thumb


def test_the_switch_loses_nothing_and_is_remembered(watched: Watched, fake: Any) -> None:
    page = result(watched, fake)
    page.locator(".flag[data-flag=F2] [data-act=play]").click()
    until(page, "document.querySelector('audio').currentTime > 25.9")
    page.locator(".flag[data-flag=F1] [data-act=correct]").click()
    page.locator(".flag[data-flag=F1] textarea").fill("还没有保存的字")
    page.locator("#language").click()
    assert page.evaluate("document.querySelector('audio').currentTime") > 25.9
    assert page.locator(".flag[data-flag=F1] textarea").input_value() == "还没有保存的字"
    assert "Suspected threat" in page.locator(".flag[data-flag=F2]").inner_text()
    page.reload()
    page.wait_for_selector(".flag")
    assert "Evidence package" in page.locator("#evidence").inner_text()


def press_until(page: Any, wanted: str, key: str = "Tab") -> None:
    """Press a key until something has the focus."""
    for _ in range(200):
        if page.evaluate(f"document.activeElement?.matches({wanted!r})"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{wanted} cannot be reached by the keyboard")


def test_everything_goes_without_a_mouse(watched: Watched, fake: Any) -> None:
    page = watched.open(fake.url)
    # listens from the start: a listener that comes with the key press comes too late at times
    page.on("filechooser", lambda chooser: chooser.set_files(choose("通话.m4a")))
    page.wait_for_selector("#recordings li")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    press_until(page, "#file")
    page.keyboard.press("Enter")
    page.wait_for_selector(".flag")
    assert page.evaluate("document.activeElement.tagName") == "H1"  # where the result begins
    press_until(page, "#wave")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.querySelector('audio').currentTime") == 10
    assert page.locator("#wave").get_attribute("aria-valuetext") == "10 秒"
    press_until(page, ".flag[data-flag=F1] [data-act=play]")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('audio').currentTime > 17.4")
    press_until(page, ".flag[data-flag=F1] [data-act=confirmed]")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog input:focus")
    page.keyboard.insert_text("周明")
    page.keyboard.press("Enter")
    page.wait_for_selector(".flag.is-confirmed[data-flag=F1]")
    inside = "document.activeElement.closest('.flag')?.dataset.flag"
    assert page.evaluate(inside) == "F1"  # the focus stays where it was
    press_until(page, ".flag[data-flag=F2] [data-act=rejected]")
    page.keyboard.press("Enter")
    page.wait_for_selector(".flag.is-rejected[data-flag=F2]")
    press_until(page, ".flag[data-flag=F3] [data-act=correct]")
    page.keyboard.press("Enter")
    page.wait_for_selector("textarea:focus")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.act") == "correct"
    press_until(page, "#evidence", "Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert page.evaluate("document.activeElement.id") == "evidence"
    press_until(page, ".heading [data-act=delete]")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    assert page.evaluate("document.activeElement.textContent") == "取消"  # never the grave one
    press_until(page, "dialog .danger")
    page.keyboard.press("Enter")
    page.wait_for_selector("#recordings .none")


def test_what_happens_is_told_to_screen_readers(watched: Watched, fake: Any) -> None:
    page = watched.open(fake.url)
    page.evaluate(
        """() => { window.told = []; for (const id of ["status", "alert"]) {
        const e = document.getElementById(id);
        new MutationObserver(() => e.textContent && window.told.push(e.textContent))
          .observe(e, { childList: true, characterData: true, subtree: true }); } }"""
    )
    upload(page)
    page.locator("[data-flag=F1] [data-act=confirmed]").click()
    give_name(page)
    until(page, "window.told.includes('已确认')")
    told = page.evaluate("window.told")
    assert "开始上传 1 个录音" in told
    assert "分析完成,疑似 5 处" in told


def test_reduced_motion_is_respected(watched: Watched, fake: Any) -> None:
    page = watched.open(fake.url, reduced_motion="reduce")
    upload(page, "slow.m4a", ".waiting .here")
    moving = page.evaluate(
        "document.getAnimations().filter((a) => a.playState === 'running').length"
    )
    assert moving == 0


def test_a_key_is_asked_for_and_opens_the_sound_too(watched: Watched, fake: Any) -> None:
    watched.expect("401")
    fake.state.key = "hd_abc_right"
    page = watched.open(fake.url)
    page.locator("dialog input").fill("密钥")  # cannot even be sent
    page.keyboard.press("Enter")
    page.locator("dialog [role=alert]").get_by_text("这个密钥不对").wait_for()
    page.locator("dialog input").fill("hd_abc_wrong")
    page.keyboard.press("Enter")
    page.locator("dialog p.bad").get_by_text("这个密钥不对").wait_for()
    page.locator("dialog input").fill("hd_abc_right")
    page.keyboard.press("Enter")
    page.wait_for_selector("#recordings .none")
    upload(page)
    page.locator(".flag [data-act=play]").first.click()
    until(page, "document.querySelector('audio').currentTime > 17")
    assert page.evaluate("document.querySelector('audio').src").startswith(fake.url)
    kept = page.evaluate("JSON.stringify({...localStorage})")
    assert "hd_abc" not in kept
    page.reload()
    page.wait_for_selector(".flag")  # the tab still knows it
    page.locator("#forget").click()
    page.wait_for_selector("dialog input")


def test_a_service_without_cookies_is_heard_all_the_same(watched: Watched, fake: Any) -> None:
    watched.expect("401|404")
    fake.state.key, fake.state.cookies = "hd_abc_right", False
    page = watched.open(fake.url)
    page.locator("dialog input").fill("hd_abc_right")
    page.keyboard.press("Enter")
    upload(page)
    until(page, "document.querySelector('audio').src.startsWith('blob:')")
    page.locator(".flag [data-act=play]").first.click()
    until(page, "document.querySelector('audio').currentTime > 17")

"""The page in a real browser, against a stand-in for the service."""

import re
import time
from typing import Any

import pytest
from fake_calls import STORED_SCRIPT
from page_help import Watched, browser, choose, fake, give_name, result, until, upload, watched

__all__ = ["browser", "fake", "watched"]


def test_a_recording_is_uploaded_followed_and_shown(watched: Watched, fake: Any) -> None:
    page = watched.open(fake.url)
    fake.state.hurry = 0.4
    page.locator("#file").set_input_files(choose("通话.m4a"))
    page.wait_for_selector(".waiting progress")
    until(page, "document.querySelector('.now').textContent.includes('19%')")
    assert page.locator(".stages .here").inner_text() == "听写成文字"
    page.wait_for_selector(".flag")
    assert page.locator("h1").inner_text() == "通话.m4a"
    assert page.title().startswith("通话.m4a")
    card = page.locator(".flag").first
    assert "疑似侮辱谩骂 · 辱骂称呼" in card.inner_text()
    assert card.locator("mark").inner_text() == "脸皮真厚"
    assert "可能涉及的规定(2)" in card.inner_text()
    assert "这些只是怀疑,不是结论" in page.locator(".disclaimer").inner_text()
    assert page.locator("#status").inner_text() == "分析完成,疑似 5 处"
    assert page.locator(".line").count() == 13
    page.locator(".back a").click()
    assert "疑似 5 处,其中 1 处把握较小" in page.locator(".recording").inner_text()


def test_several_recordings_go_up_together_with_their_options(watched: Watched, fake: Any) -> None:
    page = watched.open(fake.url)
    page.locator("details.more summary").click()
    page.get_by_label("谁接的电话").select_option(label="同事")
    page.get_by_label("什么时候打的").fill("2026-03-05T22:41:07")
    page.get_by_label("出借方类型").select_option(label="小贷")
    page.locator("#file").set_input_files([choose("一.m4a"), choose("二.m4a"), choose("三.m4a")])
    until(page, "document.querySelectorAll('#recordings [data-state=done]').length === 3")
    assert page.locator("#uploads li").count() == 0
    assert page.evaluate("location.hash") in ("", "#/")
    for fields in fake.state.fields.values():
        assert fields["answered_by"] == "colleague"
        assert fields["lender_type"] == "microloan"
        assert fields["started_at"].startswith("2026-03-05T22:41:07")
        assert "collector" not in fields  # what was not chosen is not sent


def test_without_events_the_page_asks_by_itself(watched: Watched, fake: Any) -> None:
    watched.expect("500")
    fake.state.events = False
    upload(watched.open(fake.url))


def test_a_service_that_goes_away_is_waited_for(watched: Watched, fake: Any) -> None:
    watched.expect("503|500")
    page = watched.open(fake.url)
    number = upload(page, "slow.m4a", ".waiting .here")
    fake.state.events = False
    fake.state.refuse["GET /v1/recordings/.*"] = {
        "status": 503, "detail": "数据库暂时不能用。", "detail_en": "Database away.",
    }  # fmt: skip
    fake.state.change(number, state="running")
    page.reload()
    page.get_by_text("连接不上服务").wait_for()
    fake.state.refuse.clear()
    page.wait_for_selector(".waiting .here")


def test_a_recording_that_fails_says_why_in_both_languages(watched: Watched, fake: Any) -> None:
    page = watched.open(fake.url)
    upload(page, "bad.amr", ".box.bad")
    assert "请从手机重新导出原始录音" in page.locator(".box.bad").inner_text()
    page.locator("#language").click()
    assert "Not a recognisable recording" in page.locator(".box.bad").inner_text()


def test_an_upload_that_is_refused_can_be_tried_again(watched: Watched, fake: Any) -> None:
    watched.expect("429")
    page = watched.open(fake.url)
    fake.state.refuse["POST /v1/recordings"] = {
        "status": 429, "detail": "上传太快,请一分钟后再试。", "detail_en": "Too many.",
    }  # fmt: skip
    page.locator("#file").set_input_files(choose("通话.m4a"))
    row = page.locator("#uploads .recording")
    row.get_by_text("上传太快,请一分钟后再试。").wait_for()
    fake.state.refuse.clear()
    row.get_by_text("再试一次").click()
    page.wait_for_selector(".flag, [data-state=done]")


def test_an_upload_shows_how_far_it_is_and_can_be_stopped(watched: Watched, fake: Any) -> None:
    page = watched.open(fake.url)
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000}
    line.send("Network.emulateNetworkConditions", slow)
    page.locator("#file").set_input_files(choose("长.m4a", bytes(3_000_000)))
    until(page, "document.querySelector('#uploads progress')?.value > 0.02")
    assert page.locator("#uploads").get_by_text("正在上传").is_visible()
    page.get_by_label("停止上传").click()
    until(page, "document.querySelector('#uploads li') === null")
    assert not fake.state.recordings


def test_a_recording_that_was_there_before_is_said_to_be(watched: Watched, fake: Any) -> None:
    fake.state.add("通话.m4a", "done")
    page = watched.open(fake.url)
    page.locator("#file").set_input_files(choose("通话.m4a"))
    page.get_by_text("这个录音以前上传过").wait_for()
    assert len(fake.state.recordings) == 1


def test_files_that_cannot_be_taken_are_not_sent(watched: Watched, fake: Any) -> None:
    page = watched.open(fake.url)
    page.locator("#file").set_input_files(choose("空.m4a", b""))
    page.locator("#uploads").get_by_text("这是空文件").wait_for()
    page.locator("#uploads button").click()
    assert page.locator("#uploads li").count() == 0
    assert not any(line.startswith("POST") for line in fake.state.asked)


def test_it_plays_from_a_flag_a_line_and_the_waveform(watched: Watched, fake: Any) -> None:
    page = result(watched, fake)
    now = "document.querySelector('audio').currentTime"
    until(page, "document.querySelector('audio').readyState >= 1")
    page.locator(".flag [data-act=play]").nth(1).click()  # F2 begins at 26.8 s
    until(page, f"{now} > 25.9 && {now} < 28.5")
    until(page, "!document.querySelector('audio').paused")
    page.wait_for_selector(".line[aria-current][data-utterance=U7]")
    page.locator("[data-utterance=U11] .time").click()
    until(page, f"{now} >= 47.6 && {now} < 49.5")
    assert page.locator("#time").inner_text().startswith("0:4")
    page.locator("#play").click()
    box = page.locator("#wave").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 20)
    assert page.evaluate(now) == pytest.approx(31.0, abs=0.5)
    page.locator(".at[data-flag=F1]").click()
    until(page, f"{now} > 17.4 && {now} < 20")
    assert page.locator(".flag.at-hand").get_attribute("data-flag") == "F1"
    assert fake.state.ranges


def test_the_waveform_shows_who_speaks(watched: Watched, fake: Any) -> None:
    page = result(watched, fake)
    watched.expect("willReadFrequently")  # it is the test that reads the canvas
    colours = page.evaluate(
        """() => { const c = document.querySelector("canvas"), b = c.getContext("2d");
        const at = (s) => { const x = Math.floor(c.width * s / 62);
          const d = b.getImageData(x, c.height / 2, 4, 1).data;
          for (let i = 0; i < 16; i += 4) if (d[i + 3]) return [d[i], d[i+1], d[i+2]].join();
          return ""; };
        return [at(3), at(16)]; }"""
    )
    assert colours == ["192,113,58", "47,127,143"]  # collector, debtor


def test_decisions_are_made_undone_and_kept(watched: Watched, fake: Any) -> None:
    page = result(watched, fake)
    number = "rec0001"
    page.locator("[data-flag=F1] [data-act=confirmed]").click()
    give_name(page, "周明")
    page.wait_for_selector(".flag.is-confirmed[data-flag=F1]")
    page.locator(".flag[data-flag=F2] [data-act=rejected]").click()  # the name is asked once
    page.wait_for_selector(".flag.is-rejected[data-flag=F2]")
    assert "还有 3 处没核对 · 已确认 1 · 不是 1" in page.locator("#tally").inner_text()
    assert "周明" in page.locator(".flag[data-flag=F1] .verdict").inner_text()
    flags = {flag["id"]: flag for flag in fake.state.reviews[number]["flags"]}
    assert (flags["F1"]["status"], flags["F1"]["by"]) == ("confirmed", "周明")
    page.reload()
    page.locator(".flag[data-flag=F2] [data-act=unreviewed]").click()
    page.wait_for_selector(".flag.is-unreviewed[data-flag=F2]")
    assert page.locator(".flag.is-confirmed").count() == 1
    page.locator(".chips [data-status=confirmed]").click()
    assert page.locator(".flag:visible").count() == 1


def test_a_decision_without_a_name_is_not_made(watched: Watched, fake: Any) -> None:
    page = result(watched, fake)
    number = "rec0001"
    page.locator("[data-flag=F1] [data-act=confirmed]").click()
    page.locator("dialog").get_by_text("取消").click()
    page.wait_for_selector("dialog", state="detached")
    assert fake.state.reviews[number]["flags"][0]["status"] == "unreviewed"
    assert not any(line.startswith("PATCH") for line in fake.state.asked)


def test_words_and_speaker_are_corrected_and_restored(watched: Watched, fake: Any) -> None:
    page = result(watched, fake)
    card = page.locator(".flag[data-flag=F1]")
    card.locator("[data-act=correct]").click()
    card.get_by_label("说的话").fill("每次都是下周,脸皮真厚。")
    card.get_by_label("谁说的").select_option(label="另一个人(C)")
    card.get_by_text("保存").click()
    give_name(page)
    page.wait_for_selector(".flag[data-flag=F1] q")
    assert card.locator("blockquote").inner_text() == "每次都是下周,脸皮真厚。"
    assert "骗人的嘴" in card.locator("q").inner_text()  # what the machine heard stays
    assert card.locator(".facts-line").inner_text().startswith("C")
    line = page.locator(".line[data-utterance=U5]")
    assert "脸皮真厚" in line.locator(".said").inner_text()
    line.get_by_text("恢复原文").click()
    page.wait_for_selector(".line[data-utterance=U5] q", state="detached")
    assert card.locator("mark").inner_text() == "脸皮真厚"


def test_a_person_marks_what_the_machine_passed_over(watched: Watched, fake: Any) -> None:
    page = result(watched, fake, "quiet.m4a")
    assert "没有找到疑似内容" in page.locator("#tally").inner_text()
    line = page.locator(".line[data-utterance=U7]")
    line.locator("[data-act=add]").click()
    line.get_by_label("类别").select_option("insult")
    line.get_by_label("细类").select_option("mockery")
    line.locator("form .main").click()
    give_name(page)
    page.wait_for_selector(".flag[data-flag=H1]")
    assert "人工补加" in page.locator(".flag[data-flag=H1]").inner_text()
    assert page.locator("#flags .none").count() == 0


def test_roles_are_set_right(watched: Watched, fake: Any) -> None:
    page = result(watched, fake)
    page.locator("[data-speaker=B]").select_option(label="第三方")
    give_name(page)
    until(page, "document.querySelector('.legend').textContent.includes('B 第三方')")
    assert "B 第三方" in page.locator(".line[data-utterance=U2]").inner_text()


def test_the_help_line_comes_first_where_self_harm_is_urged(watched: Watched, fake: Any) -> None:
    page = result(watched, fake, "urgent.m4a")
    first = page.evaluate("document.getElementById('main').innerText.trim().slice(0, 120)")
    assert "12356" in first
    assert page.locator("aside.support a").get_attribute("href") == "tel:12356"
    page.goto(fake.url + "/#/")
    assert "12356" in page.locator("#recordings .recording").inner_text()
    page.goto(fake.url + "/#/text")
    page.locator("#messages").fill("你好\n你跳下去好了")
    page.locator("form .main").click()
    page.wait_for_selector("aside.support")
    assert page.locator("#messages-result mark").inner_text() == "跳"


def test_stored_script_is_shown_as_text(watched: Watched, fake: Any) -> None:
    page = watched.open(fake.url)
    name = "hostile" + STORED_SCRIPT.replace('"', "'").replace("/", "") + ".m4a"
    fake.state.add(name, "done")
    page.reload()
    page.locator("#recordings a").click()
    page.wait_for_selector(".flag")
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert page.locator("h1").inner_text() == name
    assert STORED_SCRIPT in page.locator(".line[data-utterance=U5] .said").inner_text()
    assert "\\u202e" in page.locator(".flag blockquote").first.inner_text()
    assert page.locator("main img, main script").count() == 0
    assert page.locator(".flag[data-flag=F1] mark").inner_text() == "骗子"


def test_the_evidence_package_is_saved_and_names_stay_out_of_addresses(
    watched: Watched, fake: Any
) -> None:
    page = result(watched, fake)
    page.evaluate("localStorage.setItem('detector.reviewer', '周明')")
    page.locator("#evidence").click()
    assert "您还没有确认任何一处" in page.locator("dialog").inner_text()
    with page.expect_download() as saved:
        page.locator("dialog .main").click()
    assert saved.value.suggested_filename == "证据.zip"
    page.wait_for_selector("dialog", state="detached")
    page.locator("#evidence").click()
    page.locator("dialog [value=redacted]").check()
    page.get_by_label("要遮盖的姓名").fill("周大明 林小红")
    with page.expect_request("**/evidence") as asked, page.expect_download():
        page.locator("dialog .main").click()
    assert asked.value.post_data_json == {
        "redact": True, "names": ["周大明", "林小红"], "by": "周明",
    }  # fmt: skip
    assert not any(re.search("%E|周", line) for line in fake.state.asked)


def test_a_recording_is_deleted_only_after_a_second_yes(watched: Watched, fake: Any) -> None:
    page = result(watched, fake)
    number = "rec0001"
    page.locator(".heading [data-act=delete]").click()
    page.locator("dialog").get_by_text("取消").click()
    page.wait_for_selector("dialog", state="detached")
    assert number in fake.state.recordings
    page.locator(".heading [data-act=delete]").click()
    page.locator("dialog .danger").click()
    page.wait_for_selector("#recordings .none")
    assert number not in fake.state.recordings
    watched.expect("404")
    page.goto(fake.url + f"/#/r/{number}")
    page.get_by_role("heading", name="找不到这个录音").wait_for()


def test_leaving_stops_the_sound_and_the_events(watched: Watched, fake: Any) -> None:
    page = result(watched, fake)
    page.locator("#play").click()
    until(page, "document.querySelector('audio').currentTime > 0.3")
    page.evaluate("window.sound = document.querySelector('audio')")
    page.locator(".tab").nth(1).click()
    page.wait_for_selector("#messages")
    assert page.evaluate("window.sound.paused")
    before = len(fake.state.asked)
    time.sleep(1.2)
    assert len(fake.state.asked) == before

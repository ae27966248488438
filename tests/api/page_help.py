"""A real browser for the tests of the page, and a record of everything it complains about."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra `dev`: playwright")

__all__ = ["Watched", "browser", "choose", "fake", "give_name", "until", "upload", "watched"]

CHROMIUM = next(
    (p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))),
    None,
)
HERE = Path(__file__).parent
WAIT_MS = 15_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window. For a module only: while it runs, an event loop does too."""
    if CHROMIUM is None:
        pytest.skip("no Chromium installed (apt-get install chromium)")
    switches = [
        "--disable-background-networking",
        "--disable-component-update",
        "--autoplay-policy=no-user-gesture-required",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    ]
    if os.name == "posix" and os.geteuid() == 0:
        switches.append("--no-sandbox")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=switches)
        yield opened
        opened.close()


@pytest.fixture
def fake() -> Iterator[Any]:
    """The stand-in for the service."""
    from fake_service import FakeService

    with FakeService() as service:
        yield service


class Watched:
    """Opens pages and notes errors, broken policies, and requests to anywhere else."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self._contexts: list[Any] = []
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.expected: list[str] = []

    def open(self, url: str, path: str = "/", **how: Any) -> Any:
        """Open the page in a context of its own."""
        settings = {"locale": "zh-CN", "viewport": {"width": 1280, "height": 800}}
        context = self._browser.new_context(**(settings | how))
        self._contexts.append(context)
        context.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => console.error("
            "'POLICY ' + e.violatedDirective + ' ' + e.blockedURI))"
        )
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(f"exception: {error}"))
        page.on("request", lambda request: self._request(url, request.url))
        page.goto(url + path)
        return page

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.text} {message.location.get('url', '')}")

    def _request(self, own: str, asked: str) -> None:
        if not asked.startswith((own + "/", "blob:" + own)):
            self.foreign.append(asked)

    def expect(self, pattern: str) -> None:
        """Let pass complaints that a test provokes, as a browser notes every answer of 4xx."""
        self.expected.append(pattern)

    def close(self) -> None:
        for context in self._contexts:
            with suppress(playwright.Error):
                context.close()

    def unexpected(self) -> list[str]:
        return [e for e in self.errors if not any(re.search(p, e) for p in self.expected)]


@pytest.fixture
def watched(browser: Any) -> Iterator[Watched]:
    """Pages that must neither complain nor ask anybody else for anything."""
    found = Watched(browser)
    yield found
    found.close()
    assert not found.foreign, found.foreign
    assert not found.unexpected(), found.unexpected()


def choose(name: str, content: bytes = b"RIFF" + bytes(2000)) -> dict[str, Any]:
    """Return a file as a reader chooses it."""
    return {"name": name, "mimeType": "audio/wav", "buffer": content}


def upload(page: Any, name: str = "通话录音.m4a", until: str = ".flag") -> str:
    """Choose a recording, wait for something of its view; return the recording's id."""
    page.locator("#file").set_input_files(choose(name))
    page.wait_for_selector(until)
    return str(page.evaluate("location.hash.slice(4)"))


def result(watched: Watched, fake: Any, name: str = "通话录音.m4a", **how: Any) -> Any:
    """Open the result of a recording that the stand-in has finished; return the page."""
    number = fake.state.add(name, "done")["id"]
    page = watched.open(fake.url, f"/#/r/{number}", **how)
    page.wait_for_selector(".deck")
    return page


def until(page: Any, expression: str, timeout_s: float = 15.0) -> None:
    """Wait until JavaScript is true. (`wait_for_function` needs eval, which the policy forbids.)"""
    end = time.monotonic() + timeout_s
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never true: {expression}"
        page.wait_for_timeout(50)


def give_name(page: Any, name: str = "周明") -> None:
    """Answer who decides."""
    page.locator("dialog input").fill(name)
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog", state="detached")

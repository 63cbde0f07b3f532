"""Debian's Chromium, and somebody who sits before it.

Knows: where it is, what it complains of, and the ids of our pages. Refuses to know: who sent the browser there.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

MILLISECONDS_MAX = 15_000
WATCH = """addEventListener("securitypolicyviolation", (seen) => {
  console.error(`policy: ${seen.effectiveDirective} ${seen.blockedURI}`);
})"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The one that the system has: nothing is downloaded. Skips the test where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found)
        yield browser
        browser.close()


@contextmanager
def tab(browser: Browser, **options: Any) -> Iterator["Tab"]:
    """A window of its own, without cookies."""
    context = browser.new_context(**options)
    context.set_default_timeout(MILLISECONDS_MAX)
    context.add_init_script(WATCH)
    yield Tab(context.new_page())
    context.close()


class Tab:
    """One page, and the person before it. `complaints`: what the browser wrote on its console."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda said: self.complaints.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))

    def open(self, url: str) -> None:
        self.page.goto(url)

    @property
    def shown(self) -> str:
        """Which of our pages it is."""
        return self.page.locator("#page").get_attribute("data-page") or ""

    def text(self, name: str) -> str:
        return self.page.locator(f"#{name}").inner_text()

    def wait_focus(self, name: str) -> None:
        """A browser sets the first focus of a page a moment after it is loaded."""
        self.page.locator(f"#{name}:focus").wait_for()

    def sign_in(self, name: str, password: str) -> None:
        self.page.fill("#name", name)
        self.page.fill("#password", password)
        self.page.click("#sign-in")

    def decide(self, button: str) -> None:
        """`allow` or `deny`, up to the page that the client shows."""
        self.page.click(f"#{button}")
        self.page.locator("#back").wait_for()

"""A page in Chromium that keeps what went wrong in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Locator, Page, sync_playwright

from harness.waiting import wait_for

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# How the browser puts it that nobody listened, while a dashboard was restarted.
LOST_CONNECTION = ("net::ERR_CONNECTION", "net::ERR_INCOMPLETE_CHUNKED", "net::ERR_EMPTY_RESPONSE")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, or another that is on the path."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "The tests of the page need Chromium.  Debian: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class WatchedPage:
    """A page of the dashboard; `faults` are its errors, `foreign` its requests elsewhere."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.faults: list[str] = []
        self.foreign: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.faults.append(f"{error}"))
        page.on("dialog", self._refuse)
        page.on("request", lambda request: self._look(request.url))

    def open(self) -> None:
        """Load the page and wait until it is live."""
        self.page.goto(self.url)
        self.wait_for_text("#connection", "Live")

    def text(self, selector: str) -> str:
        """The text that a reader sees of an element."""
        return self.page.locator(selector).first.inner_text()

    def wait_for_text(self, selector: str, text: str, *, timeout: float = 30.0) -> None:
        """Wait until an element shows a text."""
        wait_for(
            lambda: self.text(selector),
            lambda shown: text in shown,
            what=f"{text!r} in {selector}",
            timeout=timeout,
        )

    def row(self, text: str) -> Locator:
        """The decision whose row shows a text."""
        return self.page.locator("tr.row").filter(has_text=text).first

    def painted_pixels(self, selector: str) -> int:
        """How many pixels of an element's canvas are not transparent."""
        count: int = self.page.evaluate(
            """selector => {
                const canvas = document.querySelector(`${selector} canvas`);
                const box = [0, 0, canvas.width, canvas.height];
                const { data } = canvas.getContext("2d").getImageData(...box);
                return data.filter((value, index) => index % 4 === 3 && value > 0).length;
            }""",
            selector,
        )
        return count

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        wider: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return wider

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def _refuse(self, dialog: Dialog) -> None:
        self.faults.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _look(self, url: str) -> None:
        if not url.startswith((f"{self.url}/", "data:")):
            self.foreign.append(url)

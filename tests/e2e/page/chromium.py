"""The browser: the system's own Chromium, without a window and without calls home."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")

MISSING = "the page's tests need Chromium: apt-get install chromium, or what your system calls it"

SWITCHES = (
    "--no-sandbox",  # it would not start as root, and only ever opens this machine's own page
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> Path | None:
    """Where it is, if it is on the path."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return None if found is None else Path(found)


@contextmanager
def chromium(executable: Path) -> Iterator[Browser]:
    """A started browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(SWITCHES))
        try:
            yield browser
        finally:
            browser.close()

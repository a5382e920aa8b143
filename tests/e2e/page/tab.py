"""A browser's tab with the page in it: what a person finds there, by roles and names, and what a browser objects to."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Request, expect

from tests.e2e.page.pixels import Pixels, pixels_of_url

EXPECT_WITHIN_MS = 60_000
"""On a busy machine the slowest thing to wait for is a picture of a hundred steps."""

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

GIVEN_UP = "net::ERR_ABORTED"
"""A request that the page itself does not want any more, such as the stream of a job that has ended."""

GATHER_SOURCES = """(alt) => {
  const seen = (window.sources = []);
  const look = () => {
    for (const { alt: said, src } of document.images) if (said === alt && src && !seen.includes(src)) seen.push(src);
  };
  new MutationObserver(look).observe(document.body, {
    subtree: true, childList: true, attributes: true, attributeFilter: ["src", "alt"],
  });
}"""

GATHER_FRAMES = """() => {
  const seen = (window.frames_seen = []);
  const look = () => {
    const names = [...document.querySelectorAll("[role=option]")].map((option) => option.ariaLabel);
    if (String(names) !== String(seen.at(-1))) seen.push(names);
  };
  new MutationObserver(look).observe(document.body, {
    subtree: true, childList: true, attributes: true, attributeFilter: ["aria-label"],
  });
}"""

SETTLED = """async (frames) => {
  const frame = () => new Promise(requestAnimationFrame);
  const passing = ({ effect }) => effect.getComputedTiming().endTime < 60_000;
  await frame();
  do await frame(); while (document.getAnimations().some(passing) && frames-- > 0);
}"""

DRAWN = """(image) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/png");
}"""


class Tab:
    """One tab, in a browser's profile of its own, or in that of another tab: its ``context``."""

    def __init__(self, browser: Browser, url: str, context: BrowserContext | None = None, **options: Any) -> None:
        expect.set_options(timeout=EXPECT_WITHIN_MS)
        options = {"viewport": DESKTOP, "color_scheme": "dark", "locale": "en-US"} | options
        self._url = url
        self._context = context or browser.new_context(base_url=url, **options)
        self._allowed: list[str] = []
        self._complaints: list[str] = []
        self.page = self._context.new_page()
        self.page.set_default_timeout(EXPECT_WITHIN_MS)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self._complaints.append(f"uncaught: {error}"))
        self.page.on("request", self._on_request)
        self.page.on("requestfailed", self._on_failed)

    def close(self) -> None:
        self._context.close()

    # what a browser objects to

    def allow(self, *patterns: str) -> None:
        """What this test provokes is no complaint: regular expressions."""
        self._allowed.extend(patterns)

    @property
    def complaints(self) -> list[str]:
        """Everything that the console has, broken promises of the page, failed requests, and any to elsewhere."""
        return [line for line in self._complaints if not any(re.search(pattern, line) for pattern in self._allowed)]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._complaints.append(f"console: {message.text} ({message.location['url']})")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self._url}/", "data:", "blob:")):
            self._complaints.append(f"left the origin: {request.url}")

    def _on_failed(self, request: Request) -> None:
        if request.failure != GIVEN_UP:
            self._complaints.append(f"failed: {request.url}: {request.failure}")

    # what there is

    def open(self, path: str = "/") -> "Tab":
        self.page.goto(path)
        return self

    def field(self, name: str) -> Locator:
        return self.page.get_by_role("textbox", name=name, exact=True)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def link(self, name: str) -> Locator:
        """Of the frame: to another view."""
        return self.page.get_by_role("navigation", name="Main").get_by_role("link", name=name)

    @property
    def stage(self) -> Locator:
        return self.page.get_by_role("region", name="Stage")

    def frame(self, name: str) -> Locator:
        """Of the film strip: a job of this visit, by its prompt and how it stands, as a regular expression."""
        strip = self.page.get_by_role("listbox", name="Pictures of this visit")
        return strip.get_by_role("option", name=re.compile(name))

    @property
    def gallery(self) -> Locator:
        """The gallery's pictures."""
        return self.page.get_by_role("grid", name="Gallery").get_by_role("img")

    def picture(self, prompt: str) -> Locator:
        return self.stage.get_by_role("img", name=prompt, exact=True)

    # what one does

    def compose(self, prompt: str, **numbers: int) -> None:
        """Write the prompt and number fields, by their labels."""
        for name, value in numbers.items():
            field = self.field(name.capitalize())
            field.fill(str(value))
            field.press("Tab")
            expect(field).to_have_value(re.compile(f"^{value}%?$"))
        self.field("Prompt").fill(prompt)

    def submitted(self, act: Callable[[], object]) -> str:
        """The id of the job that ``act`` submits."""
        with self.page.expect_response(
            lambda answer: answer.request.method == "POST" and urlsplit(answer.url).path == "/v1/jobs" and answer.ok
        ) as answer:
            act()
        return str(answer.value.json()["job_id"])

    def submit(self) -> str:
        """By Ctrl+Enter in the prompt."""
        return self.submitted(lambda: self.field("Prompt").press("Control+Enter"))

    def develop(self, prompt: str, **numbers: int) -> str:
        self.compose(prompt, **numbers)
        return self.submit()

    # what one sees

    def expect_finished(self, job_id: str, prompt: str) -> None:
        """The job's own image is on stage, and has been loaded."""
        image = self.picture(prompt)
        expect(image).to_have_attribute("src", re.compile(rf"/v1/jobs/{job_id}/images/0$"))
        expect(image).to_have_js_property("complete", True)

    def gather_sources(self, prompt: str) -> Callable[[], list[str]]:
        """From now on, all that pictures of ``prompt`` show, each once, in order."""
        self.page.evaluate(GATHER_SOURCES, prompt)
        return lambda: list(self.page.evaluate("window.sources"))

    def gather_frames(self) -> Callable[[], list[list[str]]]:
        """From now on, the names of all frames of the film strip together, whenever one changes."""
        self.page.evaluate(GATHER_FRAMES)
        return lambda: list(self.page.evaluate("window.frames_seen"))

    def settle(self, *, frames: int = 120) -> None:
        """Wait for what fades and moves to come to rest, but for no more than so many frames: while a picture develops,
        something always does."""
        self.page.evaluate(SETTLED, frames)

    def drawn(self, image: Locator) -> Pixels:
        """What the browser has made of it, at its own size."""
        return pixels_of_url(image.evaluate(DRAWN))

"""The README's pictures of the page, taken anew: ``python -m docs.screenshots``.

Starts the service on demo weights, develops some pictures, and looks at them with the system's Chromium.
"""

import io
import re
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, expect

from deployments.catalog import MAIN_MODELS
from tests.e2e.page.chromium import MISSING, chromium, find_chromium
from tests.e2e.page.host import Host, hosted
from tests.e2e.page.tab import PHONE, Tab

FOLDER = Path(__file__).parent / "page"

QUALITY = 86
MAX_BYTES = 200_000

SIZE = {"width": 1280, "height": 800}

HALF_WAY = re.compile(r"^Step ([3-9]\d) of 100$")

LIGHTHOUSE = "a lighthouse by a stormy sea"
SUNSET = "a sunset over mountains"

HUNG = (
    ("sdxl", "a red boat on the sea at sunset"),
    ("flux-dev", "a lighthouse by a stormy sea"),
    ("sd15", "a beautiful sunset over mountains"),
    ("sdxl", "an orange cat in the desert at night"),
    ("flux-schnell", "a sailing boat at sunset"),
    ("flux-dev", "a green tree in a snowy field"),
    ("sdxl", "a white moon over a dark sea"),
    ("sd15", "a red circle on a white background"),
    ("flux-dev", "a blue house by the sea at night"),
    ("sdxl", "three birds over mountains at sunset"),
    ("flux-schnell", "a yellow star in a purple night sky"),
    ("sd15", "a palm tree on a beach"),
    ("sdxl", "a black cat on a red hill"),
    ("flux-dev", "a sunset over the desert"),
    ("sdxl", "a lighthouse at night"),
)
"""Oldest first."""


def main() -> None:
    executable = find_chromium()
    if executable is None:
        sys.exit(MISSING)
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium(executable) as browser,
        hosted(Path(folder), MAIN_MODELS) as host,
    ):
        jobs = [host.develop(prompt, model=model, seed=seed) for seed, (model, prompt) in enumerate(HUNG)]
        take(browser, host, jobs)


def take(browser: Browser, host: Host, jobs: list[str]) -> None:
    tab = Tab(browser, host.url, viewport=SIZE)
    tab.open("/gallery")
    expect(tab.gallery.nth(len(HUNG) - 1)).to_be_visible()
    keep(tab, "gallery")
    tab.open(f"/jobs/{jobs[0]}")
    tab.button("Edit").click()
    tab.button("Paint a mask").click()
    paint(tab)
    keep(tab, "mask")
    tab.close()

    for theme in ("dark", "light"):
        tab = Tab(browser, host.url, viewport=SIZE, color_scheme=theme)
        tab.open()
        choose(tab, "sdxl")
        tab.expect_finished(tab.develop("a yellow star in a purple night sky"), "a yellow star in a purple night sky")
        tab.develop(LIGHTHOUSE, steps=100, images=4, seed=6)
        tab.page.mouse.move(100, 400)
        tab.page.mouse.wheel(0, -1000)  # the settings, from the first one on
        half_way(tab)
        keep(tab, f"developing-{theme}", frames=0)
        tab.close()

    tab = Tab(browser, host.url, viewport=SIZE, color_scheme="light")
    tab.open(f"/jobs/{jobs[0]}")
    expect(tab.page.get_by_role("heading", level=1)).to_be_visible()
    keep(tab, "picture-light")
    tab.close()

    tab = Tab(browser, host.url, viewport=PHONE, color_scheme="light", has_touch=True, is_mobile=True)
    tab.open()
    tab.button("All settings").tap()
    sheet = tab.page.get_by_role("dialog", name="Settings")
    steps = sheet.get_by_role("textbox", name="Steps")
    steps.fill("100")
    steps.press("Tab")
    sheet.get_by_role("button", name="Done").tap()
    tab.field("Prompt").fill(SUNSET)
    tab.button("Develop").tap()
    half_way(tab)
    keep(tab, "phone-light", frames=0)
    tab.close()

    tab = Tab(browser, host.url, viewport=SIZE)
    tab.open("/operations")
    expect(tab.page.get_by_role("table")).to_be_visible()
    keep(tab, "operations")
    tab.close()


def paint(tab: Tab) -> None:
    """Two strokes across the middle."""
    easel = tab.page.get_by_role("application", name="Mask")
    expect(easel).to_have_attribute("aria-busy", "false")
    box = easel.bounding_box()
    if box is None:
        sys.exit("there is nothing to paint on")
    middle, side = box["x"] + box["width"] / 2, box["height"]
    for share in (0.55, 0.63):
        tab.page.mouse.move(middle - 0.2 * side, box["y"] + share * side)
        tab.page.mouse.down()
        tab.page.mouse.move(middle + 0.2 * side, box["y"] + share * side, steps=10)
        tab.page.mouse.up()


def half_way(tab: Tab) -> None:
    bar = tab.stage.get_by_role("progressbar", name="Progress")
    expect(bar).to_have_attribute("aria-valuetext", HALF_WAY)


def choose(tab: Tab, model: str) -> None:
    tab.page.get_by_role("button", name=re.compile("Model$")).click()
    tab.page.get_by_role("option", name=re.compile(f"^{model} ")).click()


def keep(tab: Tab, name: str, *, frames: int = 120) -> None:
    """The window as it is, once its pictures are there."""
    tab.page.evaluate("Promise.all([...document.images].map((image) => image.decode().catch(() => undefined)))")
    tab.settle(frames=frames)
    file = FOLDER / f"{name}.webp"
    with Image.open(io.BytesIO(tab.page.screenshot())) as shot:
        shot.convert("RGB").save(file, quality=QUALITY, method=6)
    size = file.stat().st_size
    print(f"{file.relative_to(Path.cwd())}  {size / 1000:.0f} KB")
    if size > MAX_BYTES:
        sys.exit(f"that is more than {MAX_BYTES / 1000:.0f} KB")


if __name__ == "__main__":
    main()

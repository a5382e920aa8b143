"""axe, which knows the rules that programs can check, finds nothing on any view.

``make test`` looks at each view in one size, at every other one on a phone; ``make full`` at all of them in both.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import expect

from tests.e2e.page.conftest import OpenTab
from tests.e2e.page.host import Host
from tests.e2e.page.tab import DESKTOP, PHONE, Tab

AXE = Path(__file__).parents[3] / "ui/node_modules/axe-core/axe.min.js"

THEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
SIZES = {"wide": DESKTOP, "phone": PHONE}

Open = Callable[[Tab, str], object]


def _develop(tab: Tab, _job_id: str) -> None:
    expect(tab.open().button("Develop")).to_be_visible()


def _refused(tab: Tab, _job_id: str) -> None:
    tab.open().field("Prompt").press("Control+Enter")
    expect(tab.field("Prompt")).to_have_attribute("aria-invalid", "true")


def _developing(tab: Tab, _job_id: str) -> None:
    tab.open().develop("a red circle", **({"steps": 150} if tab.page.viewport_size == DESKTOP else {}))
    expect(tab.stage.get_by_role("progressbar", name="Progress")).to_be_visible()


def _finished(tab: Tab, _job_id: str) -> None:
    tab.expect_finished(tab.open().develop("a red circle"), "a red circle")


def _settings(tab: Tab, _job_id: str) -> None:
    tab.open()
    if tab.page.viewport_size == PHONE:
        tab.page.get_by_role("button", name=re.compile("^All settings")).click()
    tab.button("More").click()
    tab.page.get_by_role("radiogroup", name="Size").get_by_text("Other").click()
    expect(tab.field("Width")).to_be_visible()


def _models(tab: Tab, job_id: str) -> None:
    _settings(tab, job_id)
    tab.page.get_by_role("button", name=re.compile("Model$")).click()
    expect(tab.page.get_by_role("option", name="flux-schnell")).to_be_visible()


def _mask(tab: Tab, job_id: str) -> None:
    tab.open(f"/jobs/{job_id}").button("Edit").click()
    if tab.page.viewport_size == PHONE:
        tab.page.get_by_role("button", name=re.compile("^All settings")).click()
    tab.button("Paint a mask").click()
    expect(tab.page.get_by_role("application", name="Mask")).to_have_attribute("aria-busy", "false")


def _gallery(tab: Tab, _job_id: str) -> None:
    tab.open("/gallery")
    expect(tab.gallery.first).to_be_visible()


def _empty_gallery(tab: Tab, _job_id: str) -> None:
    tab.open("/gallery?text=nobody+has+asked+for+this")
    expect(tab.button("Show everything")).to_be_visible()


def _picture(tab: Tab, job_id: str) -> None:
    tab.open(f"/jobs/{job_id}")
    expect(tab.page.get_by_role("heading", level=1)).to_be_visible()


def _deleting(tab: Tab, job_id: str) -> None:
    tab.open(f"/jobs/{job_id}").button("Delete").click()
    expect(tab.page.get_by_role("alertdialog")).to_be_visible()


def _operations(tab: Tab, _job_id: str) -> None:
    tab.open("/operations")
    expect(tab.page.get_by_role("table")).to_be_visible()


def _nowhere(tab: Tab, _job_id: str) -> None:
    tab.allow("status of 404")
    tab.open("/jobs/nobody")
    expect(tab.page.get_by_role("heading", name="This picture is not here")).to_be_visible()


VIEWS: dict[str, Open] = {
    "develop": _develop,
    "refused": _refused,
    "developing": _developing,
    "finished": _finished,
    "settings": _settings,
    "models": _models,
    "mask": _mask,
    "gallery": _gallery,
    "empty gallery": _empty_gallery,
    "picture": _picture,
    "deleting": _deleting,
    "operations": _operations,
    "nowhere": _nowhere,
}


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        pytest.skip("the rules of accessibility need axe-core: cd ui && npm ci")
    return AXE.read_text()


@pytest.fixture(scope="module")
def job_id(host: Host) -> str:
    return host.develop("a lighthouse", steps=10)


def violations(tab: Tab, axe: str) -> list[str]:
    """What axe finds on the tab as it is, in both themes, a line for each element."""
    tab.page.evaluate(axe)
    found: list[str] = []
    for theme in THEMES:  # colours that are still fading are no colours to judge
        tab.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        tab.settle()
        rules: list[dict[str, Any]] = tab.page.evaluate("axe.run().then(({ violations }) => violations)")
        found += [
            f"{theme}: {rule['id']}: {node['html'][:200]}: {json.dumps(node['failureSummary'])}"
            for rule in rules
            for node in rule["nodes"]
        ]
    return found


def every_view() -> list[Any]:
    """All views in all sizes; those that are not in the sample are for ``make full``."""
    return [
        pytest.param(size, view, marks=() if place % len(SIZES) == number else pytest.mark.slow)
        for number, size in enumerate(SIZES)
        for place, view in enumerate(VIEWS)
    ]


@pytest.mark.parametrize(("size", "view"), every_view())
def test_a_view_keeps_the_rules(open_tab: OpenTab, axe: str, job_id: str, size: str, view: str) -> None:
    tab = open_tab(viewport=SIZES[size], reduced_motion="reduce")
    VIEWS[view](tab, job_id)

    assert violations(tab, axe) == []


def test_asking_for_a_key_keeps_the_rules(tab: Tab, axe: str, host: Host) -> None:
    tab.allow("status of 401")
    with host.asking_for_keys():
        expect(tab.open().page.get_by_role("dialog")).to_be_visible()

        assert violations(tab, axe) == []


def test_the_switch_changes_the_theme_and_the_choice_is_kept(tab: Tab) -> None:
    colour = "getComputedStyle(document.body).color"
    tab.open()
    dark = tab.page.evaluate(colour)

    tab.button("Switch to the light theme").click()

    expect(tab.button("Switch to the dark theme")).to_be_visible()
    light = tab.page.evaluate(colour)
    assert light != dark
    tab.page.reload()
    expect(tab.button("Switch to the dark theme")).to_be_visible()
    assert tab.page.evaluate(colour) == light

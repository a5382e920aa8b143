"""On a phone: the same, in one column."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.page.conftest import OpenTab
from tests.e2e.page.host import Host
from tests.e2e.page.tab import PHONE, Tab

WRONG = '{"model": "sd15", "guidance": -1}'
"""Kept by a page before this one."""


@pytest.fixture
def phone(open_tab: OpenTab) -> Tab:
    return open_tab(viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2)


def expect_no_sideways(tab: Tab) -> None:
    """Nothing is wider than the window."""
    assert tab.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert tab.page.evaluate("innerWidth") == PHONE["width"]  # else the browser has zoomed out, to show it all


def test_compose_develop_and_look_at_it_again(phone: Tab, host: Host) -> None:
    phone.open().field("Prompt").fill("a red circle")
    expect(phone.button("Develop")).to_be_in_viewport()
    expect_no_sideways(phone)

    phone.button("All settings").tap()
    sheet = phone.page.get_by_role("dialog", name="Settings")
    steps = sheet.get_by_role("textbox", name="Steps")
    steps.fill("60")
    steps.press("Tab")
    expect_no_sideways(phone)
    sheet.get_by_role("button", name="Done").tap()
    job_id = phone.submitted(phone.button("Develop").tap)

    expect(phone.picture("a red circle")).to_have_attribute("src", re.compile("^data:image/"))
    expect(phone.picture("a red circle")).to_be_in_viewport()
    expect_no_sideways(phone)
    phone.expect_finished(job_id, "a red circle")
    expect_no_sideways(phone)
    assert host.job(job_id)["request"]["steps"] == 60

    phone.link("Gallery").tap()
    expect(phone.gallery.first).to_have_accessible_name("a red circle")
    expect_no_sideways(phone)
    phone.gallery.first.tap()
    expect(phone.page.get_by_role("heading", name="a red circle", level=1)).to_be_visible()
    expect_no_sideways(phone)
    phone.link("Operations").tap()
    expect(phone.page.get_by_role("heading", name="Operations", level=1)).to_be_visible()
    expect_no_sideways(phone)


def test_what_is_wrong_with_a_setting_is_told_beside_the_button_while_the_settings_are_away(phone: Tab) -> None:
    phone.page.add_init_script(f"localStorage.setItem('darkroom.draft', '{WRONG}')")
    phone.open().field("Prompt").fill("a red circle")

    phone.button("Develop").tap()

    expect(phone.page.get_by_role("alert").filter(has_text="One of the settings")).to_be_visible()

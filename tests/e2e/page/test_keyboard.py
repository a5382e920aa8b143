"""Everything by keys alone."""

from playwright.sync_api import Locator, expect

from tests.e2e.page.host import Host
from tests.e2e.page.tab import Tab

PRESSES = 40
"""Nothing is further away than that."""


def tab_to(tab: Tab, target: Locator) -> None:
    """Press Tab until ``target`` has the focus, and shows it."""
    for _ in range(PRESSES):
        tab.page.keyboard.press("Tab")
        if target.evaluate_all("(found) => found.includes(document.activeElement)"):
            assert target.evaluate("(found) => found.matches(':focus-visible')")
            return
    raise AssertionError(f"{PRESSES} times Tab did not lead to {target}")


def test_from_an_empty_page_to_a_picture_and_to_its_record_by_keys_alone(tab: Tab, host: Host) -> None:
    keys = tab.open().page.keyboard
    expect(tab.field("Prompt")).to_be_visible()

    keys.press("Tab")
    expect(tab.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    keys.press("Enter")
    tab_to(tab, tab.field("Prompt"))
    keys.type("a red circle")
    tab_to(tab, tab.field("Steps"))
    keys.press("Control+A")
    keys.type("12")
    job_id = tab.submitted(lambda: keys.press("Control+Enter"))
    tab.expect_finished(job_id, "a red circle")
    assert host.job(job_id)["request"]["steps"] == 12  # what was typed last counts
    tab_to(tab, tab.stage.get_by_role("link", name="Details"))
    keys.press("Enter")

    expect(tab.page.get_by_role("heading", name="a red circle", level=1)).to_be_visible()
    delete = tab.page.get_by_role("region", name="How it was made").get_by_role("button", name="Delete")
    tab_to(tab, delete)
    keys.press("Enter")
    expect(tab.page.get_by_role("alertdialog")).to_be_visible()
    keys.press("Escape")
    expect(delete).to_be_focused()


def test_the_gallery_is_walked_by_arrows_and_opened_by_enter(tab: Tab) -> None:
    keys = tab.open().page.keyboard
    for prompt in ("an older picture", "a newer picture"):
        tab.expect_finished(tab.develop(prompt, steps=2), prompt)
    tab.link("Gallery").click()
    expect(tab.gallery.nth(1)).to_be_visible()

    tab_to(tab, tab.page.get_by_role("row", name="a newer picture"))
    keys.press("ArrowRight")
    keys.press("Enter")

    expect(tab.page.get_by_role("heading", name="an older picture", level=1)).to_be_visible()
    tab.page.go_back()
    expect(tab.page.get_by_role("heading", name="Gallery")).to_be_visible()


def test_arrows_change_a_slider_and_its_field_with_it(tab: Tab) -> None:
    tab.open()
    slider = tab.page.get_by_role("slider", name="Steps")
    slider.focus()

    for _ in range(3):
        tab.page.keyboard.press("ArrowRight")

    expect(tab.field("Steps")).to_have_value("28")

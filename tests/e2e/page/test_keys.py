"""A service that asks for keys: the page asks for one, keeps none, and goes on where it stopped."""

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.page.host import Host
from tests.e2e.page.tab import Tab


def question(tab: Tab) -> Locator:
    return tab.page.get_by_role("dialog", name="This darkroom asks for a key")


@pytest.fixture(autouse=True)
def _refused_at_first(tab: Tab) -> None:
    tab.allow("status of 401")


def test_what_was_refused_for_want_of_a_key_develops_once_there_is_one(tab: Tab, host: Host) -> None:
    tab.open().compose("a red circle", steps=20)
    with host.asking_for_keys() as key:
        tab.field("Prompt").press("Control+Enter")
        field = question(tab).get_by_role("textbox", name="API key")
        expect(field).to_be_focused()

        field.fill("dk_0000000000000000_nobody")
        field.press("Enter")
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(question(tab)).to_contain_text("not known here")
        field.fill(key)
        job_id = tab.submitted(lambda: field.press("Enter"))

        expect(question(tab)).to_have_count(0)
        tab.expect_finished(job_id, "a red circle")


def test_who_comes_without_a_key_is_asked_at_once_and_remembered(tab: Tab, host: Host) -> None:
    with host.asking_for_keys() as key:
        tab.open()
        question(tab).get_by_role("textbox", name="API key").fill(key)
        question(tab).get_by_role("button", name="Sign in").click()
        expect(tab.field("Prompt")).to_be_visible()
        expect(question(tab)).to_have_count(0)

        tab.page.reload()
        job_id = tab.develop("a blue square", steps=5)

        tab.expect_finished(job_id, "a blue square")
        stored = tab.page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
        assert key not in stored


def test_who_has_no_key_can_put_the_question_away_and_have_it_back(tab: Tab, host: Host) -> None:
    with host.asking_for_keys():
        tab.open("/gallery")
        question(tab).get_by_role("button", name="Not now").click()
        expect(question(tab)).to_have_count(0)
        for _ in range(2):  # what is asked for again and again does not ask for a key each time
            with tab.page.expect_response(lambda answer: answer.url.endswith("/v1/models") and answer.status == 401):
                pass
        expect(question(tab)).to_have_count(0)

        tab.button("Sign in").click()

        expect(question(tab)).to_be_visible()
        assert not re.search("Every model", tab.page.get_by_role("main").inner_text())

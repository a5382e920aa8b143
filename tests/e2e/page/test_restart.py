"""The service is gone in the middle of a job, and comes back."""

import re

from playwright.sync_api import expect

from tests.e2e.page.host import Host
from tests.e2e.page.tab import Tab


def test_a_job_ends_as_a_picture_although_the_service_was_killed_and_started_again(tab: Tab, host: Host) -> None:
    tab.allow("ERR_CONNECTION", "ERR_EMPTY_RESPONSE", "ERR_INCOMPLETE", "ERR_SOCKET", "status of (404|500|503)")
    job_id = tab.open().develop("a sunset over mountains", steps=150)
    tab.page.evaluate("window.stays = true")
    expect(tab.picture("a sunset over mountains")).to_have_attribute("src", re.compile("^data:image/"))

    host.kill()

    expect(tab.stage.get_by_text("The connection broke")).to_have_count(2)  # seen, and said
    expect(tab.page.get_by_role("status").filter(has_text="Reconnecting")).to_be_visible()
    expect(tab.page.get_by_role("status").filter(has_text="does not answer")).to_be_visible()
    host.start()
    expect(tab.page.get_by_role("status").filter(has_text="Connected")).to_be_visible()
    tab.expect_finished(job_id, "a sunset over mountains")
    expect(tab.page.get_by_text("does not answer")).to_have_count(0)
    assert tab.page.evaluate("window.stays")
    assert host.job(job_id)["status"] == "succeeded"

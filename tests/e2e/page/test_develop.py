"""Jobs before one's eyes: they develop, end, are cancelled, and outlive a reload."""

import re

import numpy as np
import pytest
from playwright.sync_api import Route, expect

from tests.e2e.page.conftest import OpenTab
from tests.e2e.page.host import Host
from tests.e2e.page.pixels import pixels_of
from tests.e2e.page.tab import Tab

PREVIEW = re.compile("^data:image/")
LONG = {"steps": 150}
"""Of a job that is still running when something is done to it."""


def test_ctrl_enter_develops_a_picture_from_preview_to_preview_to_the_very_image(tab: Tab, host: Host) -> None:
    tab.open()
    sources = tab.gather_sources("a red circle")

    job_id = tab.develop("a red circle", steps=100)

    tab.expect_finished(job_id, "a red circle")
    *previews, image = sources()
    assert len(previews) >= 2
    assert all(PREVIEW.match(preview) for preview in previews)
    assert image.endswith(f"/v1/jobs/{job_id}/images/0")
    assert np.array_equal(tab.drawn(tab.picture("a red circle")), pixels_of(host.image(job_id)))


def test_the_button_develops_too_and_the_picture_fades_in_until_only_it_is_left(tab: Tab) -> None:
    tab.open().compose("a blue square", steps=10)

    job_id = tab.submitted(tab.button("Develop").click)

    tab.expect_finished(job_id, "a blue square")
    expect(tab.stage.get_by_role("img", name="a blue square")).to_have_count(1)
    expect(tab.stage.get_by_text("Finished in")).to_be_visible()
    expect(tab.stage.get_by_role("button", name="Cancel")).to_have_count(0)


def test_cancel_cancels_the_job_in_the_service(tab: Tab, host: Host) -> None:
    job_id = tab.open().develop("something that takes its time", **LONG)
    expect(tab.stage.get_by_role("progressbar", name="Progress")).to_have_attribute(
        "aria-valuetext", re.compile("Step")
    )

    tab.stage.get_by_role("button", name="Cancel").click()

    expect(tab.stage.get_by_text("Cancelled")).to_be_visible()
    expect(tab.stage.get_by_role("button", name="Try again")).to_be_visible()
    assert host.job(job_id)["status"] == "cancelled"


def test_several_jobs_develop_at_once_and_all_of_them_end(tab: Tab) -> None:
    tab.open()
    prompts = ["a red circle", "a green triangle", "a blue square"]
    frames = tab.gather_frames()

    tab.compose(prompts[0], images=2, **LONG)
    jobs = {prompt: tab.develop(prompt) for prompt in prompts}

    for prompt, job_id in jobs.items():
        tab.frame(f"{prompt}: Finished").click()
        tab.expect_finished(job_id, f"{prompt} (1 of 2)")
    assert any(sum("developed" in name for name in at_once) == len(prompts) for at_once in frames())


def test_tabs_leave_each_other_connections_to_ask_and_to_cancel_with(open_tab: OpenTab) -> None:
    tab = open_tab().open()
    for prompt in ("a red circle", "a green triangle", "a blue square"):
        tab.develop(prompt, steps=150)
        expect(tab.frame(f"{prompt}.*developed")).to_be_visible()
    other = open_tab(context=tab.page.context)
    streams: list[str] = []
    other.page.on("request", lambda request: streams.append(request.url) if request.url.endswith("/stream") else None)

    job_id = other.open().develop("a yellow star", steps=150)
    with other.page.expect_response(lambda answer: answer.url.endswith(f"/v1/jobs/{job_id}")):
        pass  # it is looked at now and then
    assert streams == []
    tab.page.close()

    other.expect_finished(job_id, "a yellow star")
    assert [url for url in streams if job_id in url] != []


def test_a_job_goes_on_developing_over_a_reload(tab: Tab, host: Host) -> None:
    job_id = tab.open().develop("a yellow star", steps=150)
    expect(tab.picture("a yellow star")).to_have_attribute("src", PREVIEW)

    tab.page.reload()

    expect(tab.stage.get_by_role("progressbar", name="Progress")).to_be_visible()
    expect(tab.picture("a yellow star")).to_have_attribute("src", PREVIEW)
    tab.expect_finished(job_id, "a yellow star")
    expect(tab.field("Prompt")).to_have_value("a yellow star")
    assert host.job(job_id)["status"] == "succeeded"


def test_another_model_develops_in_its_own_few_steps(tab: Tab, host: Host) -> None:
    tab.open()
    tab.page.get_by_role("button", name=re.compile("Model$")).click()
    tab.page.get_by_role("option", name="flux-schnell").click()

    job_id = tab.develop("an orange cat")

    tab.expect_finished(job_id, "an orange cat")
    assert host.job(job_id)["request"]["model"] == "flux-schnell"


@pytest.mark.parametrize("keys", ["Control+Enter", "Meta+Enter"])
def test_an_empty_prompt_marks_its_field_and_sends_nothing(tab: Tab, keys: str) -> None:
    tab.open()
    sent: list[str] = []
    tab.page.on("request", lambda request: sent.append(request.method))

    tab.field("Prompt").press(keys)

    expect(tab.field("Prompt")).to_have_attribute("aria-invalid", "true")
    expect(tab.page.get_by_role("alert").filter(visible=True)).to_have_count(1)
    assert "POST" not in sent
    tab.field("Prompt").fill("a red circle")
    expect(tab.field("Prompt")).not_to_have_attribute("aria-invalid", "true")


def test_what_the_service_refuses_marks_the_field_that_it_names(tab: Tab) -> None:
    tab.allow("status of 422")

    def promise_more(route: Route) -> None:
        models = route.fetch().json()
        for model in models["data"]:
            model["capabilities"] |= {"max_side": 4096, "max_pixels": 4096**2}
        route.fulfill(json=models)

    tab.page.route("**/v1/models", promise_more)  # so that the page lets pass what the service does not
    tab.open().compose("a red circle")
    size = tab.page.get_by_role("radiogroup", name="Size")
    size.get_by_text("Other").click()
    tab.field("Width").fill("2048")
    tab.field("Width").press("Tab")

    tab.button("Develop").click()

    expect(size).to_have_attribute("aria-invalid", "true")
    expect(size.get_by_role("alert")).to_be_visible()
    tab.field("Width").fill("128")
    tab.field("Width").press("Tab")
    expect(size.get_by_role("alert")).to_have_count(0)
    tab.expect_finished(tab.submit(), "a red circle")

"""What was developed: found again, opened, made again, deleted."""

import re

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.page.host import Host
from tests.e2e.page.tab import Tab


@pytest.fixture(scope="module")
def jobs(host: Host) -> dict[str, str]:
    """The ids of four pictures by their prompts, oldest first."""
    return {
        "a red circle on a quarry": host.develop("a red circle on a quarry", steps=9, seed=11),
        "a blue circle in the sea": host.develop("a blue circle in the sea", steps=8, seed=12),
        "a tree on a quarry": host.develop("a tree on a quarry", model="flux-schnell", seed=13),
        "a house on a quarry": host.develop("a house on a quarry", steps=7, seed=14),
    }


def test_it_has_the_newest_first_and_what_is_finished_meanwhile_appears_by_itself(
    tab: Tab, host: Host, jobs: dict[str, str]
) -> None:
    tab.open("/gallery")
    for place, prompt in enumerate(reversed(jobs)):
        expect(tab.gallery.nth(place)).to_have_accessible_name(prompt)

    job_id = tab.open("/").develop("a star over a house", steps=40)
    tab.link("Gallery").click()

    expect(tab.gallery.first).to_have_accessible_name("a star over a house")
    assert host.job(job_id)["status"] == "succeeded"


def test_what_is_developed_elsewhere_appears_and_goes_by_itself(tab: Tab, host: Host) -> None:
    tab.allow("status of 4(04|10)")  # it may be asked for in the moment when it goes
    tab.open("/gallery?text=elsewhere")
    expect(tab.page.get_by_text("Nothing like that is here")).to_be_visible()

    job_id = host.develop("a picture from elsewhere", steps=2)

    expect(tab.gallery).to_have_accessible_name("a picture from elsewhere")
    expect(tab.gallery).to_have_js_property("complete", True)
    assert host.http.delete(f"/v1/jobs/{job_id}").status_code == 204
    expect(tab.page.get_by_text("Nothing like that is here")).to_be_visible()


def test_it_is_filtered_by_words_and_by_model_and_the_address_keeps_both(tab: Tab, jobs: dict[str, str]) -> None:
    tab.open("/gallery")

    tab.page.get_by_role("searchbox", name="Search the prompts").fill("on a quarry")
    expect(tab.gallery).to_have_count(3)
    tab.page.get_by_role("search").get_by_role("button", name=re.compile("Model")).click()
    tab.page.get_by_role("option", name="flux-schnell").click()

    expect(tab.gallery).to_have_count(1)
    expect(tab.gallery).to_have_accessible_name("a tree on a quarry")
    tab.page.reload()
    expect(tab.gallery).to_have_count(1)
    tab.page.get_by_role("searchbox", name="Search the prompts").fill("nobody has asked for this")
    expect(tab.page.get_by_text("Nothing like that is here")).to_be_visible()
    tab.button("Show everything").click()
    expect(tab.gallery.nth(3)).to_be_visible()


def test_a_picture_opens_large_with_its_neighbours(tab: Tab, jobs: dict[str, str]) -> None:
    tab.open("/gallery?text=on+a+quarry")
    tab.gallery.nth(1).click()

    expect(tab.page.get_by_role("heading", name="a tree on a quarry", level=1)).to_be_visible()
    image = tab.page.get_by_role("main").get_by_role("img", name="a tree on a quarry")
    expect(image).to_have_attribute("src", re.compile(f"/v1/jobs/{jobs['a tree on a quarry']}/images/0$"))
    expect(tab.page.get_by_role("definition").filter(has_text=re.compile("^13$"))).to_be_visible()
    tab.button("Older picture").click()
    expect(tab.page.get_by_role("heading", name="a red circle on a quarry")).to_be_visible()
    tab.page.keyboard.press("ArrowLeft")
    tab.page.keyboard.press("ArrowLeft")
    expect(tab.page.get_by_role("heading", name="a house on a quarry")).to_be_visible()
    expect(tab.button("Newer picture")).to_be_disabled()


def test_its_settings_come_back_and_make_the_very_picture_again(tab: Tab, host: Host, jobs: dict[str, str]) -> None:
    first = jobs["a red circle on a quarry"]
    tab.open(f"/jobs/{first}")

    tab.button("Use these settings").click()

    expect(tab.field("Prompt")).to_have_value("a red circle on a quarry")
    expect(tab.field("Seed")).to_have_value("11")
    expect(tab.field("Steps")).to_have_value("9")
    again = tab.submit()
    tab.expect_finished(again, "a red circle on a quarry")
    assert host.image(again) == host.image(first)


def test_vary_makes_another_picture_of_the_same_words(tab: Tab, host: Host, jobs: dict[str, str]) -> None:
    first = jobs["a blue circle in the sea"]
    tab.open(f"/jobs/{first}")

    varied = tab.submitted(tab.button("Vary").click)

    tab.expect_finished(varied, "a blue circle in the sea")
    one, other = (host.job(job_id) for job_id in (first, varied))
    assert (one["request"]["prompt"], one["request"]["steps"]) == (
        other["request"]["prompt"],
        other["request"]["steps"],
    )
    assert one["request"]["seed"] != other["request"]["seed"]
    assert host.image(varied) != host.image(first)


def test_what_is_deleted_is_gone_from_the_gallery_and_from_the_service(tab: Tab, host: Host) -> None:
    job_id = host.develop("something to be deleted", steps=2)
    tab.open("/gallery?text=deleted")
    tab.gallery.first.click()

    tab.button("Delete").click()
    question = tab.page.get_by_role("alertdialog")
    expect(question).to_have_accessible_name("Delete this picture?")
    question.get_by_role("button", name="Keep").click()
    expect(question).to_have_count(0)
    tab.button("Delete").click()
    question.get_by_role("button", name="Delete").click()

    expect(tab.page.get_by_text("Nothing like that is here")).to_be_visible()
    assert host.http.get(f"/v1/jobs/{job_id}").status_code == 404


def test_what_the_service_does_not_delete_is_said_to_be_still_there(tab: Tab, host: Host) -> None:
    tab.allow("status of 403")
    job_id = host.develop("something to be kept", steps=2)
    refusal = {"error": {"code": "forbidden", "message": "not from here"}}

    def refuse(route: Route) -> None:
        if route.request.method == "DELETE":
            route.fulfill(status=403, json=refusal)
        else:
            route.continue_()

    tab.open(f"/jobs/{job_id}").page.route(f"**/v1/jobs/{job_id}", refuse)

    tab.button("Delete").click()
    question = tab.page.get_by_role("alertdialog")
    question.get_by_role("button", name="Delete").click()

    expect(question.get_by_role("alert")).to_contain_text("not from here")
    question.get_by_role("button", name="Keep").click()
    expect(tab.page.get_by_role("heading", name="something to be kept")).to_be_visible()


def test_who_shortens_the_address_of_a_picture_gets_the_gallery(tab: Tab) -> None:
    tab.open("/jobs")

    expect(tab.page).to_have_url(re.compile("/gallery$"))
    expect(tab.page).to_have_title("Gallery · Darkroom")


def test_the_address_of_a_picture_that_is_not_there_says_so(tab: Tab) -> None:
    tab.allow("status of 404")
    tab.open("/jobs/nobody")

    expect(tab.page.get_by_role("heading", name="This picture is not here")).to_be_visible()
    tab.page.get_by_role("link", name="To the gallery").click()
    expect(tab.page.get_by_role("heading", name="Gallery")).to_be_visible()

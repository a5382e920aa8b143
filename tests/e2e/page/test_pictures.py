"""Pictures that a job starts from, and masks painted over them."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.e2e.page.host import Host
from tests.e2e.page.pixels import mean_difference, pixels_of
from tests.e2e.page.tab import Tab

FAINT = 12.0
"""What the autoencoder loses of a picture, and no more. 0 to 255."""
STRONG = 40.0
"""Something else is there."""

SLOWLY_READ = """() => {
  const atOnce = window.createImageBitmap;
  const told = new Promise((tell) => { window.read = tell; });
  window.createImageBitmap = async (...picture) => { await told; return atOnce(...picture); };
}"""
"""A large picture is read no faster."""


@pytest.fixture(scope="module")
def source(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture, 128 × 128, as a file."""
    file = tmp_path_factory.mktemp("pictures") / "circle.png"
    file.write_bytes(host.image(host.develop("a red circle on a white background", seed=7)))
    return file


def pick(tab: Tab, file: Path) -> None:
    with tab.page.expect_file_chooser() as chooser:
        tab.button("Start from a picture").click()
    chooser.value.set_files(file)
    expect(tab.page.get_by_role("img", name="What it starts from")).to_be_visible()


def test_a_picked_picture_is_changed_as_much_as_its_strength_says(tab: Tab, host: Host, source: Path) -> None:
    tab.open()
    pick(tab, source)
    expect(tab.field("Strength")).to_have_value("75%")

    little = tab.develop("a red circle on a white background", strength=5, steps=20)
    tab.expect_finished(little, "a red circle on a white background")
    much = tab.develop("a blue square on a black background", strength=95)
    tab.expect_finished(much, "a blue square on a black background")

    assert [host.job(job_id)["request"]["strength"] for job_id in (little, much)] == [0.05, 0.95]
    original = pixels_of(source.read_bytes())
    assert mean_difference(pixels_of(host.image(little)), original) < FAINT
    assert mean_difference(pixels_of(host.image(much)), original) > STRONG


def test_what_is_painted_over_is_made_anew_and_all_else_stays(tab: Tab, host: Host, source: Path) -> None:
    tab.open()
    pick(tab, source)
    tab.button("Paint a mask").click()
    dialog = tab.page.get_by_role("dialog")
    easel = dialog.get_by_role("application", name="Mask")
    expect(easel).to_have_attribute("aria-busy", "false")
    box = easel.bounding_box()
    assert box is not None
    middle, above = box["x"] + box["width"] / 2, box["y"]
    mouse = tab.page.mouse
    for share in (0.4, 0.5, 0.6):  # across the circle
        mouse.move(middle - 0.15 * box["height"], above + share * box["height"])
        mouse.down()
        mouse.move(middle + 0.15 * box["height"], above + share * box["height"], steps=5)
        mouse.up()
    expect(dialog.get_by_role("button", name="Undo")).to_be_enabled()
    dialog.get_by_role("button", name="Use this mask").click()
    expect(tab.page.get_by_role("img", name="What is repainted")).to_be_visible()

    job_id = tab.develop("a plain white background", steps=25)
    tab.expect_finished(job_id, "a plain white background")

    mask = pixels_of(host.http.get(f"/v1/jobs/{job_id}/inputs/mask").content)[..., 0] > 127
    assert mask.shape == (128, 128)
    assert mask[64, 64]
    assert not mask[:20].any()
    difference = np.abs(pixels_of(host.image(job_id)) - pixels_of(source.read_bytes())).mean(axis=-1)
    assert difference[mask].mean() > STRONG
    assert difference[:20].mean() < FAINT


def test_a_picture_of_the_gallery_is_edited_from_where_it_hangs(tab: Tab, host: Host) -> None:
    first = host.develop("a house on a hill", steps=5)
    tab.open(f"/jobs/{first}")

    tab.button("Edit").click()

    expect(tab.page.get_by_role("img", name="What it starts from")).to_be_visible()
    job_id = tab.develop("a house at night", steps=5)
    tab.expect_finished(job_id, "a house at night")
    assert host.http.get(f"/v1/jobs/{job_id}/inputs/image").content == host.image(first)


def test_a_picture_that_is_too_large_is_refused_at_once(tab: Tab, source: Path, tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    file.write_bytes(source.read_bytes() + bytes(21 * 2**20))  # browsers read it to the end of its picture
    tab.open()

    with tab.page.expect_file_chooser() as chooser:
        tab.button("Start from a picture").click()
    chooser.value.set_files(file)

    expect(tab.page.get_by_role("alert").filter(has_text="At most 20 MiB")).to_be_visible()
    expect(tab.page.get_by_role("img", name="What it starts from")).to_have_count(0)


def test_what_is_written_while_a_picture_is_read_is_not_lost(tab: Tab, source: Path) -> None:
    tab.open().page.evaluate(SLOWLY_READ)
    with tab.page.expect_file_chooser() as chooser:
        tab.button("Start from a picture").click()
    chooser.value.set_files(source)

    tab.field("Prompt").fill("a blue circle")

    expect(tab.page.get_by_role("img", name="What it starts from")).to_have_count(0)
    tab.page.evaluate("window.read()")
    expect(tab.page.get_by_role("img", name="What it starts from")).to_be_visible()
    expect(tab.field("Prompt")).to_have_value("a blue circle")


def test_a_file_that_is_no_picture_is_refused_in_words(tab: Tab, tmp_path: Path) -> None:
    file = tmp_path / "letter.png"
    file.write_text("Dear Darkroom,")
    tab.open()

    with tab.page.expect_file_chooser() as chooser:
        tab.button("Start from a picture").click()
    chooser.value.set_files(file)

    expect(tab.page.get_by_role("alert").filter(has_text=re.compile("no picture"))).to_be_visible()
    expect(tab.page.get_by_role("img", name="What it starts from")).to_have_count(0)

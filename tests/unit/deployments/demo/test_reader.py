"""The reader of pictures: right on pictures that it has not seen, and on answers to every case of the check."""

import numpy as np
import pytest

from deployments.demo.check.cases import CASES, SAMPLE
from deployments.demo.check.painted import painted
from deployments.demo.check.read import Reader, misses
from deployments.demo.world.draw import draw
from deployments.demo.world.labels import CLASSES, labels
from deployments.demo.world.paint import paint
from deployments.demo.world.picture import HOME, Figure, Picture, Scene, Shapes

ROUGH = {"style", "scale"}
"""What may be wrong in 5 of 100 pictures; all else in 3."""


def readable(picture: Picture) -> dict[str, str]:
    """The labels of a picture, as pixels can tell them."""
    told = labels(picture)
    if isinstance(picture, Shapes) and picture.background is None:
        told["background"] = "black" if picture.style == "night" else "white"  # paper, which nobody asked for
    if told["subject"] == "moon":
        del told["place"]
    return told


def shares_right(pictures: list[tuple[Picture, np.ndarray]]) -> dict[str, float]:
    reader = Reader.fitted()
    right: dict[str, list[bool]] = {key: [] for key in CLASSES}
    for picture, pixels in pictures:
        wanted = readable(picture)
        missed = misses(wanted, reader.read(pixels))
        for key in wanted:
            right[key].append(key not in missed)
    return {key: float(np.mean(each)) for key, each in right.items()}


def answer(wanted: dict[str, str]) -> Picture:
    """A picture that shows what is wanted, and else what one would take for granted."""
    if wanted["figures"] == "0":
        subject = wanted.get("subject")
        sky = wanted.get("sky", "night" if subject == "moon" else "day")
        land = wanted.get("land") or HOME[subject][0]
        return Scene(
            sky, land, subject, wanted.get("colour"), wanted.get("place", "centre"), wanted.get("style", "plain")
        )
    if wanted["figures"] == "1":
        scale, place = wanted.get("scale", "medium"), wanted.get("place", "centre")
        figures = (Figure(wanted["kind"], wanted["colour"], scale, place),)
    else:
        place, beyond = ("top", "bottom") if wanted.get("place") == "top" else ("left", "right")
        figures = (
            Figure(wanted["kind"], wanted["colour"], "medium", place),
            Figure(wanted["other kind"], wanted["other colour"], "medium", beyond),
        )
    return Shapes(figures, wanted.get("background"), wanted.get("style", "plain"))


@pytest.mark.parametrize("spoilt", [False, True], ids=["as painted", "blurred, noisy and moved"])
def test_pictures_it_has_not_seen_are_read_right(spoilt: bool) -> None:
    if spoilt:
        pictures = list(painted(draw, 300, seed=4711))
    else:
        rng = np.random.default_rng(4712)
        pictures = [(picture, paint(picture, rng)) for picture in (draw(rng) for _ in range(300))]
    for key, share in shares_right(pictures).items():
        assert share >= (0.95 if key in ROUGH else 0.97), (key, share)


def test_a_painted_answer_to_a_case_misses_nothing() -> None:
    reader, rng = Reader.fitted(), np.random.default_rng(7)
    missed = [
        (case.prompt, what)
        for case in CASES
        if (what := misses(case.wanted, reader.read(paint(answer(dict(case.wanted)), rng))))
    ]
    assert len(missed) <= 0.01 * len(CASES), missed


def test_an_answer_to_another_case_or_none_at_all_misses_something() -> None:
    reader, rng = Reader.fitted(), np.random.default_rng(8)
    noise = reader.read(rng.integers(0, 256, (128, 128, 3), np.uint8))
    wrong = [misses(case.wanted, noise) for case in CASES]
    for case, other in zip(CASES, CASES[1:] + CASES[:1], strict=True):
        wrong.append(misses(case.wanted, reader.read(paint(answer(dict(other.wanted)), rng))))
    assert np.mean([bool(what) for what in wrong]) >= 0.97


def test_a_miss_names_what_was_wanted_and_what_was_read() -> None:
    assert misses({"colour": "red", "land": "sea"}, {"colour": "blue", "land": "sea"}) == {"colour": ("red", "blue")}
    assert misses({"place": "left"}, {}) == {"place": ("left", "none")}


@pytest.mark.parametrize("fill", [0, 128, 255])
def test_an_empty_picture_shows_no_figure_and_no_subject(fill: int) -> None:
    told = Reader.fitted().read(np.full((128, 128, 3), fill, np.uint8))
    assert (told["figures"], told["kind"], told["subject"]) == ("0", "none", "none")


def test_only_pictures_of_the_size_and_type_it_knows_are_read() -> None:
    for pixels in (np.zeros((64, 64, 3), np.uint8), np.zeros((128, 128, 3), np.float32)):
        with pytest.raises(ValueError, match="128"):
            Reader.fitted().read(pixels)  # type: ignore[arg-type]


def test_there_are_200_different_prompts_and_a_sample_of_25() -> None:
    assert len({case.prompt.lower() for case in CASES}) == len(CASES) == 200
    assert len(SAMPLE) == 25
    assert all(case in CASES for case in SAMPLE)
    prompts = {case.prompt for case in CASES}
    assert {"a beautiful sunset over mountains", "A rusty robot walking on a beach"} < prompts


def test_cases_want_known_things_with_known_values() -> None:
    for case in CASES:
        assert case.wanted, case.prompt
        for key, value in case.wanted.items():
            assert value in CLASSES[key], case.prompt
            assert value != "none", case.prompt

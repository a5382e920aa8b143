"""The mixed load is as mixed as the performance page says."""

from benchmarks.load import COMBINATIONS, MODES, SAMPLERS, mixed
from deployments.engine import GenerationRequest
from deployments.engine.pictures import Picture

SIDE = 64


def mode(request: GenerationRequest) -> str:
    if request.image is None:
        return "txt2img"
    return "img2img" if request.mask is None else "inpaint"


def pixels(picture: object) -> bytes:
    assert isinstance(picture, Picture)
    return picture.rgb().tobytes()


def test_every_mode_comes_with_every_sampler_once_in_a_row_of_that_many() -> None:
    for first in (0, 5):
        row = [mixed(number, SIDE, 4, 0) for number in range(first, first + COMBINATIONS)]
        assert {(mode(request), request.sampler) for request in row} == {(m, s) for m in MODES for s in SAMPLERS}


def test_no_prompt_and_no_picture_comes_twice() -> None:
    load = [mixed(number, SIDE, 4, 0) for number in range(300)]
    assert len({request.prompt for request in load}) == len(load)
    pictures = [pixels(request.image) for request in load if request.image is not None]
    assert len(set(pictures)) == len(pictures)


def test_a_request_is_the_same_whoever_makes_it() -> None:
    one, other = mixed(5, SIDE, 4, 0), mixed(5, SIDE, 4, 0)
    assert one.model_dump(exclude={"id", "image", "mask"}) == other.model_dump(exclude={"id", "image", "mask"})
    assert pixels(one.image) == pixels(other.image)
    assert pixels(one.mask) == pixels(other.mask)

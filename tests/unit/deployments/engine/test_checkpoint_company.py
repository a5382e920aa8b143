"""Images taken up on real networks: among neighbours, in another process, and after something has changed."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.engine import Engine, GenerationRequest
from deployments.engine.events import Completed, Progress
from deployments.engine.loader import LoadedModel, load
from deployments.engine.spec import LoadSpec
from tests.unit.deployments.engine.gallery import blot, photo
from tests.unit.deployments.engine.listener import Listener
from tests.unit.deployments.engine.lora_files import write_diffusers
from tests.unit.deployments.engine.resuming import Pixels, pictures, recorded, resumed

SAMPLERS = ("euler_a", "dpmpp_2m", "heun", "unipc", "pndm", "dpmpp_sde")


@pytest.fixture(scope="module")
def folders(
    inpaint_weights: Callable[[str, bool], Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """The weights of one model, and its LoRAs."""
    weights, loras = inpaint_weights("sd15", False), tmp_path_factory.mktemp("loras")
    write_diffusers(diffusers.StableDiffusionPipeline.from_pretrained(weights), loras, "ink")
    return weights, loras


@pytest.fixture(scope="module")
def models(folders: tuple[Path, Path]) -> tuple[LoadedModel, LoadedModel]:
    """The model, loaded twice."""
    weights, loras = folders
    spec = LoadSpec("sd15", weights=str(weights), device="cpu", loras=str(loras))
    return load(spec), load(spec)


def wish(number: int = 0, **fields: Any) -> GenerationRequest:
    """A request unlike its neighbours."""
    varied: dict[str, Any] = {"prompt": f"{number} boats", "seed": 50 + number, "steps": 5 + number % 3}
    varied["sampler"] = SAMPLERS[number % len(SAMPLERS)]
    if number % 3:
        varied |= {"image": photo(number), "strength": 0.8}
    if number % 3 == 2:
        varied["mask"] = blot(number)
    plain = {"model": "sd15", "width": 64, "height": 64, "preview_every": 0}
    return GenerationRequest.model_validate(plain | varied | fields)


def apart(one: Pixels, two: Pixels) -> int:
    return int(np.abs(one.astype(int) - two.astype(int)).max())


@pytest.mark.parametrize("number", range(6))
def test_taken_up_twice_it_is_still_the_picture_byte_for_byte(
    models: tuple[LoadedModel, LoadedModel], number: int
) -> None:
    here, there = models
    (undisturbed,) = resumed(here, wish(number))
    first = recorded(here, wish(number))
    steps = sorted(step for _, step in first.checkpoints)
    second = recorded(there, wish(number), {0: first.checkpoints[0, steps[0]]})
    assert sorted(step for _, step in second.checkpoints) == steps[1:]
    (picture,) = resumed(here, wish(number), {0: second.checkpoints[0, steps[-1]]})
    assert np.array_equal(picture, undisturbed)


def test_among_neighbours_that_come_and_go_it_is_within_one_of_255(models: tuple[LoadedModel, LoadedModel]) -> None:
    """As the undisturbed one is in any company; some of the neighbours are taken up as well."""
    here, there = models
    alone = [resumed(here, wish(number))[0] for number in range(6)]
    saved = [recorded(here, wish(number)).checkpoints for number in range(6)]
    listeners = [Listener() for _ in range(6)]
    with Engine(there.family, there.card, weights_id=there.weights_id, max_batch=8) as engine:
        for number, listener in enumerate(listeners):
            steps = sorted(step for _, step in saved[number])
            resume = {0: saved[number][0, steps[number % len(steps)]]} if number != 4 else None
            engine.submit(wish(number), listener, resume=resume)
        for listener in listeners:
            assert isinstance(listener.wait(), Completed)
    for number, listener in enumerate(listeners):
        assert apart(pictures(listener.events)[0], alone[number]) <= 1


@pytest.mark.parametrize("taken_up", [(0, 1, 2), (1,)], ids=str)
def test_images_of_one_request_are_taken_up_each_for_itself(
    models: tuple[LoadedModel, LoadedModel], taken_up: tuple[int, ...]
) -> None:
    here, there = models
    request = wish(3, n=3)
    whole = recorded(here, request)
    found = resumed(there, request, {index: whole.checkpoints[index, 2 + index % 2] for index in taken_up})
    for index, picture in enumerate(found):
        assert apart(picture, whole.images[index]) <= 1
        (alone,) = resumed(here, wish(3, seed=53 + index))
        assert apart(picture, alone) <= 1


@given(steps=st.integers(2, 7), cut=st.floats(0, 1), number=st.integers(0, 5))
@settings(max_examples=8, deadline=None, derandomize=True)
def test_wherever_it_is_cut_it_is_the_picture_byte_for_byte(
    models: tuple[LoadedModel, LoadedModel], steps: int, cut: float, number: int
) -> None:
    here, there = models
    request = wish(number, steps=steps + 1)
    saved = recorded(here, request)
    step = sorted(step for _, step in saved.checkpoints)[int(cut * (len(saved.checkpoints) - 1))]
    (picture,) = resumed(there, request, {0: saved.checkpoints[0, step]})
    assert np.array_equal(picture, resumed(here, request)[0])


def steps_told(model: LoadedModel, request: GenerationRequest, data: bytes) -> tuple[list[int], Pixels]:
    """The steps that an engine tells that was given a checkpoint, and the picture."""
    with Engine(model.family, model.card, weights_id=model.weights_id) as engine:
        events = list(engine.stream(request, resume={0: data}))
    return [event.step for event in events if isinstance(event, Progress)], pictures(events)[0]


@pytest.fixture
def retrained(folders: tuple[Path, Path]) -> Iterator[Callable[[int], None]]:
    """Writes the LoRA anew, from a seed; afterwards it is the first again."""
    weights, loras = folders

    def write(seed: int) -> None:
        write_diffusers(diffusers.StableDiffusionPipeline.from_pretrained(weights), loras, "ink", seed=seed)

    yield write
    write(0)


def test_a_lora_that_has_changed_since_means_from_the_beginning(
    models: tuple[LoadedModel, LoadedModel], retrained: Callable[[int], None]
) -> None:
    """Never half a picture by one and half by the other."""
    here, there = models
    request = wish(loras=[{"name": "ink", "scale": 1.0}])
    data = recorded(here, request).checkpoints[0, 3]
    assert steps_told(there, request, data)[0] == [4, 5]
    retrained(9)
    steps, picture = steps_told(there, request, data)
    assert steps == [1, 2, 3, 4, 5]
    assert np.array_equal(picture, resumed(here, request)[0])


@pytest.mark.parametrize("how", [{"dtype": "bfloat16"}, {"vae": "tiled"}], ids=str)
def test_an_engine_that_loads_the_model_otherwise_begins_anew(
    models: tuple[LoadedModel, LoadedModel], folders: tuple[Path, Path], how: Any
) -> None:
    here, _ = models
    other = load(LoadSpec("sd15", weights=str(folders[0]), device="cpu", **how))
    steps, picture = steps_told(other, wish(), recorded(here, wish()).checkpoints[0, 3])
    assert steps == [1, 2, 3, 4, 5]
    assert np.array_equal(picture, resumed(other, wish())[0])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_in_half_precision_too_it_is_the_picture_byte_for_byte(folders: tuple[Path, Path], dtype: Any) -> None:
    here, there = (load(LoadSpec("sd15", weights=str(folders[0]), device="cpu", dtype=dtype)) for _ in range(2))
    for number in (0, 1, 5):
        saved = recorded(here, wish(number))
        (picture,) = resumed(there, wish(number), {0: saved.checkpoints[0, 2]})
        assert np.array_equal(picture, resumed(here, wish(number))[0])


ELSEWHERE = """
import sys
import numpy as np
from pathlib import Path
from deployments.engine import Engine, GenerationRequest
from deployments.engine.events import ImageReady, Progress

weights, loras, folder = sys.argv[1:]
request = GenerationRequest.model_validate_json(Path(folder, "request.json").read_text())
with Engine.load("sd15", weights=weights, device="cpu", loras=loras) as engine:
    events = list(engine.stream(request, resume={0: Path(folder, "checkpoint").read_bytes()}))
print([event.step for event in events if isinstance(event, Progress)])
np.save(Path(folder, "image.npy"), *(np.asarray(event.image) for event in events if isinstance(event, ImageReady)))
"""


@pytest.mark.slow
def test_another_process_goes_on_to_the_same_picture(
    models: tuple[LoadedModel, LoadedModel], folders: tuple[Path, Path], tmp_path: Path
) -> None:
    here, _ = models
    request = wish(0, loras=[{"name": "ink", "scale": 0.7}])
    saved = recorded(here, request)
    (tmp_path / "request.json").write_text(request.model_dump_json())
    (tmp_path / "checkpoint").write_bytes(saved.checkpoints[0, 3])
    command = [sys.executable, "-c", ELSEWHERE, *map(str, folders), str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told.strip() == "[4, 5]"
    assert np.array_equal(np.load(tmp_path / "image.npy"), resumed(here, request)[0])

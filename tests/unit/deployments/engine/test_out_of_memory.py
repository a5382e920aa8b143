"""Out of memory is an event, not a crash: torch's own error, raised by a real model above a size."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL.Image import Image

from deployments.engine import Engine, GenerationRequest
from deployments.engine.errors import OutOfMemory
from deployments.engine.events import Completed, ImageReady
from deployments.engine.families.base import DenoiseState, Family
from deployments.engine.loader import load
from deployments.engine.pictures import Picture
from deployments.engine.spec import LoadSpec
from tests.unit.deployments.engine.gallery import photo
from tests.unit.deployments.engine.listener import Listener


class SmallDevice:
    """A real family on a device with room for so many pixels in a forward, a decode, or a decode's tile."""

    def __init__(self, family: Family, *, forward: int = 10**9, decode: int = 10**9, tile: int = 10**9) -> None:
        self._family = family
        self._room = {"forward": forward, "decode": decode, "tile": tile}
        self.forwards: list[int] = []
        self.decodes: list[tuple[int, bool]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._family, name)

    def denoise(self, states: Sequence[DenoiseState]) -> None:
        self._fit("forward", states)
        self.forwards.append(len(states))
        self._family.denoise(states)

    def decode(self, states: Sequence[DenoiseState], *, tiled: bool = False) -> list[Image]:
        self._fit("tile" if tiled else "decode", states)
        self.decodes.append((len(states), tiled))
        return self._family.decode(states, tiled=tiled)

    def _fit(self, what: str, states: Sequence[DenoiseState]) -> None:
        width, height = states[0].item.size
        if len(states) * width * height > self._room[what]:
            raise torch.OutOfMemoryError(f"{what} of {len(states)} × {width} × {height}")


@pytest.fixture(scope="module")
def loaded(weights: Callable[[str], Path]) -> Any:
    return load(LoadSpec("sd15", weights=str(weights("sd15")), device="cpu"))


@pytest.fixture
def serve(loaded: Any) -> Iterator[Callable[..., tuple[Engine, SmallDevice]]]:
    engines: list[Engine] = []

    def start(**room: int) -> tuple[Engine, SmallDevice]:
        family: Any = SmallDevice(loaded.family, **room)
        engines.append(Engine(family, loaded.card, max_batch=8))
        return engines[-1], family

    yield start
    for engine in engines:
        engine.close()


def wish(seed: int, side: int = 64) -> GenerationRequest:
    return GenerationRequest(prompt="a boat", seed=seed, steps=6, width=side, height=side, preview_every=0)


def all_of(engine: Engine, requests: Sequence[GenerationRequest]) -> list[np.ndarray[Any, Any]]:
    """The pictures of requests that run together."""
    listeners = [Listener() for _ in requests]
    for request, listener in zip(requests, listeners, strict=True):
        engine.submit(request, listener)
    pictures = []
    for listener in listeners:
        assert isinstance(listener.wait(), Completed), listener.events
        ready = listener.wait_for(ImageReady)
        assert isinstance(ready, ImageReady)
        pictures.append(np.asarray(ready.image).astype(int))
    return pictures


def test_a_batch_that_does_not_fit_is_split_and_the_smaller_cap_stays(serve: Any) -> None:
    engine, device = serve(forward=2 * 64 * 64)
    alone = [all_of(engine, [wish(seed)])[0] for seed in range(4)]
    device.forwards.clear()
    together = all_of(engine, [wish(seed) for seed in range(4)])
    assert max(device.forwards) <= 2
    assert all(np.abs(one - other).max() <= 1 for one, other in zip(alone, together, strict=True))


def test_a_lone_image_that_does_not_fit_fails_and_its_neighbours_pictures_are_unchanged(serve: Any) -> None:
    engine, _ = serve(forward=2 * 64 * 64)
    alone = all_of(engine, [wish(0)])[0]
    listener = Listener()
    engine.submit(wish(0), listener)
    with pytest.raises(OutOfMemory):
        engine.generate(wish(1, side=128))
    assert isinstance(listener.wait(), Completed)
    ready = listener.wait_for(ImageReady)
    assert isinstance(ready, ImageReady)
    assert np.abs(np.asarray(ready.image).astype(int) - alone).max() <= 1
    assert np.array_equal(all_of(engine, [wish(0)])[0], alone)  # and it goes on


def test_what_can_not_be_decoded_whole_is_decoded_in_tiles(serve: Any, loaded: Any) -> None:
    whole = all_of(serve()[0], [wish(3, side=192)])[0]
    engine, device = serve(decode=128 * 128)
    tiled = all_of(engine, [wish(3, side=192)])[0]
    assert device.decodes == [(1, True)]
    assert np.abs(tiled - whole).mean() < 8  # the seams are blended, not equal

    vae = loaded.family._pipeline.vae
    vae.enable_tiling()
    try:
        stock = all_of(serve()[0], [wish(3, side=192)])[0]
    finally:
        vae.disable_tiling()
    assert np.array_equal(tiled, stock)


@pytest.mark.parametrize(("model", "dtype"), [("sd15", "float32"), ("sdxl", "bfloat16"), ("flux-dev", "float32")])
def test_what_can_not_be_encoded_whole_is_encoded_in_tiles(
    model: str, dtype: Any, weights: Callable[[str], Path]
) -> None:
    loaded: Any = load(LoadSpec(model, weights=str(weights(model)), device="cpu", dtype=dtype))
    request = wish(3, side=192).model_copy(update={"image": Picture.of(photo(1)), "strength": 0.4})
    seen: list[int] = []

    def small_device(_: Any, args: tuple[torch.Tensor]) -> None:
        seen.append(max(args[0].shape[-2:]))
        if seen[-1] > 128:
            raise torch.OutOfMemoryError

    with Engine(loaded.family, loaded.card) as engine:
        whole = all_of(engine, [request])[0]
        hook = loaded.family._look._vae.encoder.register_forward_pre_hook(small_device)
        tiled = all_of(engine, [request])[0]
        hook.remove()
    assert seen[0] == 192
    assert max(seen[1:]) <= 128
    assert 0 < np.abs(tiled - whole).mean() < 8


def test_an_image_whose_tiles_do_not_fit_either_fails_alone(serve: Any) -> None:
    engine, _ = serve(decode=64 * 64, tile=64 * 64)
    with pytest.raises(OutOfMemory):
        engine.generate(wish(1, side=128))
    assert len(all_of(engine, [wish(0), wish(1)])) == 2

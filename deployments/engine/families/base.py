"""The protocol between the engine and an architecture.

An adapter owns its denoise loop, because a pipeline's ``__call__`` can't interleave requests, and reuses the stock
pipeline's own methods for all else: prompt encoding, latents, image processors. That is what makes it exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from PIL.Image import Image
from torch import Tensor

from deployments.catalog import controlled_row
from deployments.engine.adapters import Adapters, LoraLibrary
from deployments.engine.batching import BatchKey
from deployments.engine.conditioning import Conditioning
from deployments.engine.families.control import Control
from deployments.engine.families.source import Kept, Source
from deployments.engine.request import GenerationRequest
from deployments.engine.samplers import Sampler, step_together


@dataclass(frozen=True, slots=True)
class Item:
    """One image to make: image ``index`` of a resolved request, with what was made ready for the whole request."""

    request: GenerationRequest
    index: int
    conditioning: Conditioning
    source: Source | None = None
    adapters: Adapters = ()
    control: Control | None = None

    @property
    def seed(self) -> int:
        """The seed of this image alone: a stock pipeline called with it makes this image."""
        if self.request.seed is None:
            raise ValueError("an item needs a resolved request, whose seed is drawn")
        return self.request.seed + self.index

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        if self.request.width is None or self.request.height is None:
            raise ValueError("an item needs a resolved request, whose size is set")
        return self.request.width, self.request.height

    @property
    def steps(self) -> int:
        """Requested steps."""
        if self.request.steps is None:
            raise ValueError("an item needs a resolved request, whose steps are set")
        return self.request.steps

    @property
    def inpaints(self) -> bool:
        """Whether a mask says where to repaint."""
        return self.source is not None and self.source.mask is not None

    @property
    def strength(self) -> float | None:
        """How much of the source is repainted; ``None`` without one."""
        return self.request.strength

    @property
    def guidance(self) -> float:
        """The guidance scale; 0.0 for none."""
        return self.request.guidance or 0.0

    @property
    def row_cost(self) -> float:
        """What each of its rows costs, in rows of an image without a ControlNet."""
        return 1.0 if self.control is None else controlled_row(self.control.start, self.control.end)

    def generator(self) -> torch.Generator:
        """The source of this image's noise: on the CPU, so that a seed means the same picture on every device."""
        return torch.Generator("cpu").manual_seed(self.seed)


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What the newest forward saw of an image and predicted of it, (1, …), at ``timestep``: rows of the batch's own
    tensors, kept for previews. There is none where no preview is wanted, and none after the last forward."""

    inputs: Tensor
    predicted: Tensor
    timestep: float


@dataclass(slots=True)
class DenoiseState:
    """One image on its way: what a forward needs and changes. Used by the denoise thread alone while it runs.

    ``latents`` is a batch of one in the architecture's own layout and the model's dtype; each step replaces the tensor
    and never writes into it. Latents and sampler are all that a step changes and a later step depends on: checkpoints
    hold nothing else, and ``Family.start`` makes the rest again.
    """

    item: Item
    key: BatchKey
    sampler: Sampler
    latents: Tensor
    kept: Kept | None = None
    """What inpainting puts back after each step."""
    extra: Tensor | None = None
    """(1, …) further input channels of the denoiser."""
    glimpse: Glimpse | None = None
    error: Exception | None = None
    """What its sampler's last step raised: it goes no further."""


def begin(
    item: Item,
    key: BatchKey,
    sampler: Sampler,
    *,
    noise: Tensor,
    pure: Tensor,
    clean: Tensor | None,
    mask: Tensor | None,
) -> DenoiseState:
    """The state before the first step; all tensors (1, …) in the architecture's own layout.

    Args:
        noise: drawn for this image.
        pure: the latents of nothing but noise.
        clean: latents of the source's picture.
        mask: 1.0 where to repaint, if the rest is to be kept step by step.
    """
    state = DenoiseState(item=item, key=key, sampler=sampler, latents=pure)
    if clean is not None and not (item.inpaints and item.strength == 1.0):
        state.latents = sampler.noised(clean, noise)
    if clean is not None and mask is not None:
        state.kept = Kept(clean, noise, mask)
    return state


def advance(states: Sequence[DenoiseState], inputs: Tensor, predictions: Tensor) -> None:
    """Take each state's own sampler step with its row of ``predictions`` (B, …); one that fails keeps its error.

    ``inputs`` (B, …) are the latents as the model saw them.
    """
    for state, seen, predicted in zip(states, inputs.split(1), predictions.split(1), strict=True):
        # a glimpse keeps the whole batch's tensors in memory: none where nobody is going to look
        looks = state.item.request.preview_every and state.sampler.forwards_left > 1
        state.glimpse = Glimpse(seen, predicted, state.sampler.timestep) if looks else None
    results = step_together([state.sampler for state in states], predictions, [state.latents for state in states])
    for state, result in zip(states, results, strict=True):
        try:
            if isinstance(result, Exception):
                raise result
            state.latents = result if state.kept is None else state.kept.put_back(result, state.sampler)
        except Exception as error:  # noqa: BLE001  (it is this state's, and its neighbours have taken their steps)
            state.error = error


def foreseen(state: DenoiseState) -> Tensor:
    """The clean latents that a flow's newest forward heads for, (1, …)."""
    glimpse = state.glimpse
    if glimpse is None:
        return state.latents
    clean = glimpse.inputs - glimpse.timestep / 1000 * glimpse.predicted  # a straight line from noise to picture
    return clean if state.kept is None else state.kept.over(clean)


class Family(Protocol):
    """What the engine needs from an architecture.

    ``prepare`` and ``start`` are called by one thread, ``denoise`` and ``preview`` by another, ``decode`` by a third:
    none of them may change what another reads.

    Attributes:
        loras: those that requests may name.
    """

    dtype: torch.dtype
    device: torch.device
    loras: LoraLibrary

    def prepare(self, request: GenerationRequest) -> list[Item]:
        """The ``n`` images of a resolved request: its LoRAs loaded, its prompt encoded, its pictures read.

        Each prompt goes through the encoders in a batch of its own: a cached result must not depend, not even in its
        last bit, on who happened to be its neighbour when it was made.

        Raises:
            InvalidRequest: there is no such LoRA, or it is none for this model; or a picture is held elsewhere.
        """
        ...

    def batch_key(self, item: Item) -> BatchKey:
        """The value whose equality means "can share a forward"."""
        ...

    def start(self, item: Item) -> DenoiseState:
        """The state before the first step: noise drawn from the item's seed, over its source if it has one; a sampler
        of its own."""
        ...

    def denoise(self, states: Sequence[DenoiseState]) -> None:
        """One forward over all rows (both rows of classifier-free guidance in the same batch), then each state's own
        sampler step. All states have equal keys; each is at a timestep of its own: the model gets a vector.

        A state whose sampler fails gets its ``error``; the others take their steps."""
        ...

    def rows(self, item: Item) -> int:
        """Rows that the item takes in a forward: 2 with classifier-free guidance, else 1."""
        ...

    def preview(self, state: DenoiseState) -> Tensor:
        """A small picture (h, w, 3) uint8 of what the newest forward took the clean latents for, on the device; does
        not wait for it."""
        ...

    def decode(self, states: Sequence[DenoiseState], *, tiled: bool = False) -> list[Image]:
        """Finished latents of equal keys to RGB images: :meth:`pixels`, rounded to 8 bits as stock does it."""
        ...

    def pixels(self, states: Sequence[DenoiseState], *, tiled: bool = False) -> Tensor:
        """What the VAE makes of finished latents of equal keys: (B, 3, H, W) in about [-1, 1].

        ``tiled`` decodes overlapping tiles one by one and blends their edges, as the stock pipelines do after
        ``vae.enable_tiling()``: it needs far less memory, and differs a little from decoding the whole.
        """
        ...

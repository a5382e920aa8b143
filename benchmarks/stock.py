"""The other side of the comparisons: the stock pipelines, called as their documentation says."""

from functools import cached_property
from pathlib import Path
from typing import Any

import diffusers
import torch
from PIL import Image

from deployments.catalog import ModelCard
from deployments.engine import GenerationRequest
from deployments.engine.pictures import Picture, PictureRef

SCHEDULERS: dict[str, Any] = {
    "euler": diffusers.EulerDiscreteScheduler,
    "dpmpp_2m": diffusers.DPMSolverMultistepScheduler,
    "ddim": diffusers.DDIMScheduler,
}
"""What a user puts in place of the UNets' shipped scheduler, by the engine's name for it."""


class Stock:
    """A model's stock pipelines in float32 on the CPU, one set of weights for all three.

    Args:
        card: the model; kept as ``card``.
        folder: the weights, in diffusers layout.
    """

    def __init__(self, card: ModelCard, folder: Path) -> None:
        self.card = card
        self._text: Any = getattr(diffusers, card.pipeline).from_pretrained(folder, dtype=torch.float32)
        self._text.set_progress_bar_config(disable=True)
        self._shipped = self._text.scheduler

    @cached_property
    def _image(self) -> Any:
        return diffusers.AutoPipelineForImage2Image.from_pipe(self._text)

    @cached_property
    def _inpaint(self) -> Any:
        return diffusers.AutoPipelineForInpainting.from_pipe(self._text)

    def __call__(self, request: GenerationRequest) -> Image.Image:
        """The picture of a resolved request for one; pictures that it brings have its own size."""
        asks: dict[str, Any] = {"num_inference_steps": request.steps, "guidance_scale": request.guidance}
        if self.card.max_sequence_length is not None:
            asks["max_sequence_length"] = self.card.max_sequence_length
        size = {"width": request.width, "height": request.height}
        if request.image is None:
            pipeline, asks = self._text, asks | size
        elif request.mask is None:
            pipeline, asks = self._image, asks | {"image": _plain(request.image), "strength": request.strength}
        else:
            source = {"image": _plain(request.image), "mask_image": _plain(request.mask), "strength": request.strength}
            pipeline, asks = self._inpaint, asks | size | source
        pipeline.scheduler = self._scheduler(request.sampler)
        pipeline.set_progress_bar_config(disable=True)
        assert request.seed is not None, "a resolved request has a seed"
        generator = torch.Generator("cpu").manual_seed(request.seed)
        image: Image.Image = pipeline(request.prompt, generator=generator, **asks).images[0]
        return image

    def _scheduler(self, sampler: str | None) -> Any:
        return self._shipped if sampler is None else SCHEDULERS[sampler].from_config(self._shipped.config)


def _plain(picture: Picture | PictureRef) -> Image.Image:
    assert isinstance(picture, Picture), "a benchmark's requests hold their pictures"
    assert isinstance(picture.source, Image.Image)
    return picture.source

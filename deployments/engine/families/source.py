"""A request's picture and mask as the VAE sees them, and what inpainting keeps of them."""

import logging
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.image_processor import VaeImageProcessor
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from deployments.engine.errors import InvalidRequest
from deployments.engine.pictures import Picture, PictureRef
from deployments.engine.request import GenerationRequest
from deployments.engine.samplers import Sampler

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """What the images of one request start from. Each draws latents of its own from it, in the stock pipelines' order:
    the picture's, then noise, then the blanked picture's.

    Attributes:
        image: the picture's distribution of latents, (1, C, h, w), not yet scaled.
        mask: (1, 1, H, W) float32, 1.0 where to repaint; ``None`` for image-to-image.
        blanked: the same of the picture with grey where to repaint, for denoisers that take it as an input.
    """

    image: DiagonalGaussianDistribution
    mask: Tensor | None = None
    blanked: DiagonalGaussianDistribution | None = None

    def draw(self, generator: torch.Generator) -> Tensor:
        """Latents of the picture."""
        drawn: Tensor = self.image.sample(generator)
        # the layout of the stock pipelines, by which kernels choose their order of sums: inpainting's is plain
        return drawn if self.mask is None else drawn.contiguous()

    def draw_blanked(self, generator: torch.Generator) -> Tensor | None:
        """Latents of the blanked picture; ``None`` where no denoiser takes them.

        They are drawn all the same, because the stock pipelines draw them: samplers take their noise after it.
        """
        if self.blanked is not None:
            drawn: Tensor = self.blanked.sample(generator)
            return drawn
        like = self.image.parameters
        randn_tensor(self.image.mean.shape, generator, like.device, like.dtype)
        return None

    def latent_mask(self, height: int, width: int, like: Tensor) -> Tensor:
        """The mask at latent size, (1, 1, height, width), in the dtype and on the device of ``like``."""
        assert self.mask is not None, "image-to-image has no mask"
        return torch.nn.functional.interpolate(self.mask, size=(height, width)).to(like.device, like.dtype)


@dataclass(frozen=True, slots=True)
class Kept:
    """What inpainting with a plain denoiser keeps: after each step all but the mask's white is the picture again, as
    noisy as the rest. Tensors (1, …) in the latents' own layout."""

    clean: Tensor
    noise: Tensor
    mask: Tensor

    def put_back(self, latents: Tensor, sampler: Sampler) -> Tensor:
        """``latents`` with the picture put back. ``sampler`` has just taken its step, and must have taken it alone."""
        return self.over(latents, self.clean if sampler.done else sampler.noised(self.clean, self.noise))

    def over(self, latents: Tensor, kept: Tensor | None = None) -> Tensor:
        """``latents`` where the mask is white, else ``kept``, or the clean picture."""
        return (1 - self.mask) * (self.clean if kept is None else kept) + self.mask * latents


class SourceReader:
    """Reads requests' pictures for one model, as the stock pipelines prepare them. Changes nothing of the VAE.

    Args:
        vae: in the dtype that it encodes in.
        device: where it works.
        dtype: the denoiser's: pixels are rounded to it.
        blanks: the denoiser takes the blanked picture as an input.
    """

    def __init__(self, vae: Any, device: torch.device, dtype: torch.dtype, *, blanks: bool = False) -> None:
        self._vae = vae
        self._device = device
        self._dtype = dtype
        self._blanks = blanks
        factor = 2 ** (len(vae.config.block_out_channels) - 1)
        self._pictures = VaeImageProcessor(vae_scale_factor=factor)
        self._masks = VaeImageProcessor(
            vae_scale_factor=factor, do_normalize=False, do_binarize=True, do_convert_grayscale=True
        )

    def __call__(self, request: GenerationRequest) -> Source | None:
        """The source of a resolved request; ``None`` for one from text alone.

        Raises:
            InvalidRequest: the picture is held elsewhere.
        """
        if request.image is None:
            return None
        size = {"height": request.height, "width": request.width}
        pixels: Tensor = self._pictures.preprocess(here("image", request.image).rgb(), **size)  # (1, 3, H, W)
        if request.mask is None:
            return Source(self._encode(pixels))
        mask: Tensor = self._masks.preprocess(here("mask", request.mask).grey(), **size)  # (1, 1, H, W)
        blanked = self._encode(pixels * (mask < 0.5)) if self._blanks else None
        return Source(self._encode(pixels), mask, blanked)

    def _encode(self, pixels: Tensor) -> DiagonalGaussianDistribution:
        vae = self._vae
        pixels = pixels.to(self._device, self._dtype).to(vae.dtype)
        try:
            return vae.encode(pixels).latent_dist
        except torch.OutOfMemoryError:
            if max(pixels.shape[-2:]) <= vae.tile_sample_min_size:
                raise
        logger.warning("out of memory encoding a picture of %d × %d: tried again in tiles", *pixels.shape[:-3:-1])
        return DiagonalGaussianDistribution(vae._tiled_encode(pixels))


def here(field: str, picture: Picture | PictureRef) -> Picture:
    """The picture itself. Raises InvalidRequest if it is held elsewhere."""
    if isinstance(picture, PictureRef):
        raise InvalidRequest(field, picture, "encoded bytes or a PIL image: an engine has no store")
    return picture

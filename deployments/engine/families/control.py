"""Control images: what a ControlNet follows while a picture develops."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.image_processor import VaeImageProcessor
from torch import Tensor

from deployments.engine.errors import InvalidRequest
from deployments.engine.families.source import here
from deployments.engine.request import GenerationRequest
from deployments.engine.samplers import Sampler


@dataclass(frozen=True, slots=True)
class Control:
    """One request's control image and how it acts.

    Attributes:
        network: the ControlNet.
        image: (1, 3, H, W) in [0, 1], in the model's dtype, on its device.
        scale: how strongly it acts.
        start, end: the share of the forwards between which it acts.
    """

    network: Any
    image: Tensor
    scale: float
    start: float
    end: float

    def acts(self, sampler: Sampler) -> bool:
        """Whether it acts on the next forward, counted as the stock pipelines do."""
        count = sampler.forwards_taken + sampler.forwards_left
        return not (sampler.forwards_taken / count < self.start or (sampler.forwards_taken + 1) / count > self.end)


class ControlReader:
    """Reads requests' control images for the ControlNets of one model, as the stock pipelines prepare them.

    Raises:
        ValueError: a ControlNet for another model, or one that only ever acts on the prompted half of classifier-free
            guidance (shuffle).
    """

    def __init__(self, networks: Mapping[str, Any], pipeline: Any, device: torch.device, dtype: torch.dtype) -> None:
        unet = pipeline.unet.config
        wanted = {
            "in_channels": pipeline.vae.config.latent_channels,
            "conditioning_channels": 3,
            "block_out_channels": unet.block_out_channels,
            "layers_per_block": unet.layers_per_block,
            "cross_attention_dim": unet.cross_attention_dim,
            "addition_embed_type": unet.addition_embed_type,
            "global_pool_conditions": False,
        }
        for name, network in networks.items():
            for key, value in wanted.items():
                if _plain(has := network.config[key]) != _plain(value):
                    raise ValueError(f"controlnets.{name}: not one for this model: its {key} is {has}, not {value}")
        self._networks = networks
        self._device = device
        self._dtype = dtype
        factor = pipeline.vae_scale_factor
        self._images = VaeImageProcessor(vae_scale_factor=factor, do_convert_rgb=True, do_normalize=False)

    def __call__(self, request: GenerationRequest) -> Control | None:
        """The control of a resolved request; ``None`` for one without.

        Raises:
            InvalidRequest: the image is held elsewhere, or there is no such ControlNet.
        """
        given = request.control_image
        if given is None:
            return None
        picture = here("control_image", given)
        network = self._networks.get(request.controlnet or "")
        if network is None:
            raise InvalidRequest("controlnet", request.controlnet, f"one of {', '.join(self._networks)}")
        image = self._images.preprocess(picture.rgb(), height=request.height, width=request.width).to(torch.float32)
        scale, start, end = request.control_scale, request.control_start, request.control_end
        if scale is None or start is None or end is None:
            raise ValueError("a control needs a resolved request, whose scale, start and end are set")
        # contiguous, as the stock pipelines' is: by its layout kernels choose their order of sums
        return Control(network, image.to(self._device, self._dtype).contiguous(), scale, start, end)


def _plain(value: Any) -> Any:
    """A configuration's lists may come as tuples."""
    return list(value) if isinstance(value, tuple) else value

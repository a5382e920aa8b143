"""How a model is made to fit: 8-bit weights, parts that wait in CPU memory, a VAE that works in pieces."""

import logging
from collections.abc import Mapping
from typing import Any

import torch
from diffusers.hooks import apply_group_offloading
from torch import nn

from deployments.engine.spec import Decoding, Offload, Quantization

MAX_TILE = 512
"""Pixels of a side of the tiles that the VAE works in where a picture does not fit whole."""


def fit(
    networks: Mapping[str, nn.Module],
    *,
    device: torch.device,
    quantize: Quantization | None,
    quantize_text: Quantization | None,
    offload: Offload,
) -> None:
    """Quantise ``networks``, by their names in the pipeline, and put them on ``device`` or where they wait for it.

    ``unet`` or ``transformer`` is quantised by ``quantize``, ``text_encoder…`` by ``quantize_text``. With ``cpu`` the
    text encoders and the VAE wait, with ``group`` all of them.

    Raises:
        ValueError: 8-bit weights were asked for without torchao.
    """
    for name, network in networks.items():
        denoises = name in {"unet", "transformer"}
        early = name.startswith(("text_encoder", "vae"))
        if kind := quantize if denoises else quantize_text if name.startswith("text_encoder") else None:
            _quantise(network, kind)
        if offload == "group" or (offload == "cpu" and early):
            _wait_for_turn(network, device, by_blocks=denoises)
        else:
            network.to(device)


def prepare_vae(vae: Any, decoding: Decoding) -> None:
    """Set how the VAE works, with tiles of at most :data:`MAX_TILE` whenever it has to tile."""
    # tiles no larger than SD 1.5's: a VAE made for 1024 pixels would not divide a picture of its own size
    vae.tile_sample_min_size = min(vae.tile_sample_min_size, MAX_TILE)
    vae.tile_latent_min_size = min(vae.tile_latent_min_size, MAX_TILE // 2 ** (len(vae.config.block_out_channels) - 1))
    if decoding == "sliced":
        vae.enable_slicing()
    elif decoding == "tiled":
        vae.enable_slicing()  # or the tiles of all images would be in memory together
        vae.enable_tiling()


def _quantise(network: nn.Module, kind: Quantization) -> None:
    logging.getLogger("torchao").setLevel(logging.ERROR)  # it tells of kernels for devices that are not here
    try:
        from torchao.quantization import Float8WeightOnlyConfig, Int8WeightOnlyConfig, quantize_
    except ImportError as error:
        raise ValueError(f"quantize: {kind} needs torchao: pip install 'darkroom[quantized]'") from error
    quantize_(network, Int8WeightOnlyConfig() if kind == "int8" else Float8WeightOnlyConfig())


def _wait_for_turn(network: nn.Module, device: torch.device, *, by_blocks: bool) -> None:
    """Keep the weights in CPU memory; each block, or layer, comes to the device for its own part of a forward.

    Whole modules that go and come, as in diffusers' model offload, would not do: there each forward sends the module
    away that ran before, and here a prompt is encoded while another image denoises.
    """
    how: dict[str, Any] = {"offload_type": "block_level", "num_blocks_per_group": 1} if by_blocks else {}
    apply_group_offloading(
        network,
        onload_device=device,
        offload_device=torch.device("cpu"),
        use_stream=by_blocks and device.type == "cuda",
        **({"offload_type": "leaf_level"} | how),
    )

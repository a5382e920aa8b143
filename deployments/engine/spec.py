"""``LoadSpec``: which model an engine loads, from which files, and how it is made to fit. Imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

DType = Literal["auto", "float32", "float16", "bfloat16"]
Quantization = Literal["int8", "fp8"]
"""Weights of 8 bits with a scale for each output channel, multiplied in the model's dtype: torchao's int8 weight-only
and float8 (e4m3) weight-only, of linear layers. Lossy."""
Offload = Literal["none", "cpu", "group"]
"""What waits in CPU memory until its turn: nothing; text encoders and VAE; everything, the denoiser block by block."""
Decoding = Literal["whole", "sliced", "tiled"]
"""How the VAE works: on all images of a group at once; on one at a time; on overlapping tiles (lossy)."""


@dataclass(frozen=True, slots=True)
class LoadSpec:
    """Which model an engine loads, and how.

    Attributes:
        model: an id or alias of the catalog.
        weights: ``"demo"``, a folder in diffusers layout, a hub repository, a single ``.safetensors`` checkpoint, or a
            ``.gguf`` file of the denoiser; the catalog's repository if ``None``.
        base: with a single file: the folder or repository, in diffusers layout, of configurations, tokenizers and all
            parts that the file does not hold; the catalog's repository if ``None``.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or a torch device.
        dtype: ``"auto"`` is float32 on CPU and bfloat16 elsewhere.
        quantize: of the denoiser.
        quantize_text: of the text encoders.
        loras: the folder of the LoRAs that requests may name, as safetensors files; ``None`` for none.
        controlnets: by the names that requests use: folders in diffusers layout or hub repositories.
    """

    model: str
    weights: str | None = None
    base: str | None = None
    device: str = "auto"
    dtype: DType = "auto"
    quantize: Quantization | None = None
    quantize_text: Quantization | None = None
    offload: Offload = "none"
    vae: Decoding = "whole"
    loras: str | None = None
    controlnets: Mapping[str, str] = field(default_factory=dict)

"""One LoRA: low-rank terms for the layers of a pipeline's parts, read from a diffusers or a kohya file."""

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from diffusers.utils.state_dict_utils import (
    convert_state_dict_to_diffusers,
    convert_state_dict_to_peft,
    convert_unet_state_dict_to_peft,
)
from safetensors import safe_open
from torch import Tensor, nn

_TEXT_ENCODERS = ("text_encoder", "text_encoder_2")


@dataclass(frozen=True, slots=True)
class LowRank:
    """What a LoRA adds to one layer: ``up(down(x)) × scaling``.

    ``down`` is (r, in) and ``up`` (out, r) for a linear layer; (r, in, kh, kw) and (out, r, 1, 1) for a convolution.
    """

    down: Tensor
    up: Tensor
    scaling: float

    def to(self, device: torch.device, dtype: torch.dtype) -> "LowRank":
        """The same, there."""
        return LowRank(self.down.to(device, dtype), self.up.to(device, dtype), self.scaling)


@dataclass(frozen=True, slots=True, eq=False)
class Lora:
    """A LoRA for one model; on its device, in its dtype.

    Attributes:
        name: the file's, without its ending.
        version: changes when the file does.
        digest: SHA-256 of the file, in hex: the same on every machine.
        parts: by component of the pipeline and name of the layer in it.
    """

    name: str
    version: tuple[int, int]
    digest: str
    parts: Mapping[str, Mapping[str, LowRank]]

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors."""
        terms = [term for layers in self.parts.values() for term in layers.values()]
        return sum(term.down.nbytes + term.up.nbytes for term in terms)


def read_lora(path: Path, version: tuple[int, int], *, pipeline: Any, device: torch.device, dtype: torch.dtype) -> Lora:
    """Read a safetensors file for ``pipeline``: diffusers' own layout, PEFT's, or kohya's.

    Layers are scaled as the stock pipeline does after ``load_lora_weights``: by alpha / rank, where the file tells
    alphas, else by 1.

    Raises:
        ValueError: the file can't be read, holds no LoRA for this model, or one with parts that are not served (DoRA,
            LoKr, biases).
    """
    denoiser = "unet" if hasattr(pipeline, "unet") else "transformer"
    try:
        with safe_open(path, framework="pt") as file:
            magnitudes = [name for name in file.keys() if "dora_scale" in name]  # noqa: SIM118  (it is no mapping)
        digest, tensors, alphas, metadata = _normalised(path, pipeline, denoiser)
    except Exception as error:  # the converters raise what they like at files of other kinds
        raise ValueError(f"{path.name} is no LoRA that diffusers can read") from error
    if magnitudes:  # diffusers would pass them over, and paint something else
        raise ValueError(f"{path.name} has parts that are not served: {magnitudes[0]} (DoRA)")
    parts: dict[str, dict[str, LowRank]] = {}
    for component in (denoiser, *_TEXT_ENCODERS):
        module = getattr(pipeline, component, None)
        own = _below(tensors, component)
        if module is None or not own:
            continue
        own = _denoiser_layout(own) if component == denoiser else _text_layout(own, module)
        scales = _Scales(own, _below(alphas, component), _below(metadata, component))
        parts[component] = {name: _term(own, name, module, scales).to(device, dtype) for name in _layers(own, path)}
    if not parts:
        raise ValueError(f"{path.name} holds no LoRA layers for this model")
    return Lora(path.stem, version, digest, parts)


def _normalised(
    path: Path, pipeline: Any, denoiser: str
) -> tuple[str, dict[str, Tensor], dict[str, float], dict[str, Any]]:
    """The file's digest, its tensors by diffusers' names, its alphas, and PEFT's configuration if it has one."""
    options: dict[str, Any] = {"use_safetensors": True, "return_lora_metadata": True}
    if denoiser == "unet":
        options["unet_config"] = pipeline.unet.config
    elif hasattr(type(pipeline), "_maybe_expand_lora_state_dict"):  # FLUX's loader alone tells alphas on demand
        options["return_alphas"] = True
    # Tensors are mapped from the file, as the stock pipeline's are (on a CPU even their place in memory shows in the
    # last bit). So it must be a copy that nobody can change: a mapped file that is cut off ends the process.
    with TemporaryDirectory(prefix="darkroom-lora-") as private:
        copied = shutil.copy(path, private)
        with Path(copied).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        tensors, *told = pipeline.lora_state_dict(copied, **options)
    alphas = told[0] if len(told) == 2 else None
    return digest, tensors, alphas or {}, told[-1] or {}


def _below(values: Mapping[str, Any], component: str) -> dict[str, Any]:
    prefix = f"{component}."
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}


def _denoiser_layout(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return tensors if "lora_A" in next(iter(tensors)) else convert_unet_state_dict_to_peft(tensors)


def _text_layout(tensors: dict[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
    peft = convert_state_dict_to_peft(convert_state_dict_to_diffusers(tensors))
    if hasattr(module, "text_model"):
        return dict(peft)
    return {name.removeprefix("text_model."): value for name, value in peft.items()}


def _layers(tensors: Mapping[str, Tensor], path: Path) -> list[str]:
    strange = [name for name in tensors if not name.endswith((".lora_A.weight", ".lora_B.weight"))]
    if strange:
        raise ValueError(f"{path.name} has parts that are not served: {strange[0]}")
    return sorted({name.rsplit(".lora_", 1)[0] for name in tensors})


def _term(tensors: Mapping[str, Tensor], name: str, module: nn.Module, scales: "_Scales") -> LowRank:
    try:
        layer = module.get_submodule(name)
        down, up = tensors[f"{name}.lora_A.weight"], tensors[f"{name}.lora_B.weight"]
    except (AttributeError, KeyError) as error:
        raise ValueError(f"a LoRA for another model: this one has no whole layer {name}") from error
    wanted = _dimensions(layer)
    if wanted is None or down.shape[1:] != wanted[1:] or up.shape[:2] != (wanted[0], len(down)):
        raise ValueError(f"a LoRA for another model: its layer {name} has other dimensions")
    return LowRank(down, up, scales.of(name, len(down)))


def _dimensions(layer: nn.Module) -> torch.Size | None:
    """Of a layer's weight, whatever it is stored in; ``None`` for a layer that has none."""
    if isinstance(layer, nn.Linear):
        return torch.Size((layer.out_features, layer.in_features))
    return layer.weight.shape if isinstance(layer, nn.Conv2d) else None


class _Scales:
    """Alpha / rank of each layer, as PEFT computes them from what a file tells."""

    def __init__(self, tensors: Mapping[str, Tensor], alphas: Mapping[str, float], config: Mapping[str, Any]) -> None:
        self._alphas = {re.split(r"\.lora|\.down\.|\.alpha", name)[0]: float(value) for name, value in alphas.items()}
        self._alphas |= {name.removeprefix("text_model."): value for name, value in self._alphas.items()}
        most = Counter(self._alphas.values()).most_common(1)
        self._usual: float | None = config.get("lora_alpha", most[0][0] if most else None)
        self._patterns: Mapping[str, float] = config.get("alpha_pattern") or {}

    def of(self, name: str, rank: int) -> float:
        for pattern, alpha in self._patterns.items():
            if re.match(rf"(.*\.)?({pattern})$", name):
                return alpha / rank
        usual = self._alphas.get(name, self._usual)
        return 1.0 if usual is None else usual / rank

"""Weights of every kind as a stock pipeline: folders, hub repositories, single checkpoints, GGUF."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers.loaders.single_file_utils import SingleFileComponentError
from huggingface_hub import snapshot_download
from safetensors import SafetensorError, safe_open
from torch import nn

from deployments.catalog import CHECKPOINT, ModelCard, is_file, is_gguf, refuse_pickles

NETWORKS: Mapping[str, tuple[str, ...]] = {
    "StableDiffusionPipeline": ("unet", "vae", "text_encoder"),
    "StableDiffusionXLPipeline": ("unet", "vae", "text_encoder", "text_encoder_2"),
    "StableDiffusion3Pipeline": ("transformer", "vae", "text_encoder", "text_encoder_2", "text_encoder_3"),
    "FluxPipeline": ("transformer", "vae", "text_encoder", "text_encoder_2"),
}
"""What each pipeline is made of; the denoiser first. SD3 may do without its third text encoder."""

_UNTOUCHED: Mapping[str, Mapping[str, Any]] = {
    "StableDiffusionPipeline": {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False},
    "StableDiffusionXLPipeline": {"add_watermarker": False},
}
"""What keeps a pipeline from changing the model's own picture: no safety checker, no watermark."""

_IN_FILE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "StableDiffusionPipeline": {"text_encoder": ("cond_stage_model.",)},
    "StableDiffusionXLPipeline": {
        "text_encoder": ("conditioner.embedders.0.",),
        "text_encoder_2": ("conditioner.embedders.1.",),
    },
    "StableDiffusion3Pipeline": {
        "text_encoder": ("text_encoders.clip_l.",),
        "text_encoder_2": ("text_encoders.clip_g.",),
        "text_encoder_3": ("text_encoders.t5xxl.",),
    },
    "FluxPipeline": {},
}
"""How the names of a checkpoint's tensors begin, by the part that they belong to."""
_VAE_IN_FILE = ("first_stage_model.", "vae.")

_SCALES = ("scale_weight", "scale_input", "scaled_fp8", "weight_scale")
"""How names end in checkpoints whose weights are to be multiplied first; diffusers would pass them over."""

_STRANGE = (ValueError, RuntimeError, LookupError, AttributeError, TypeError)
"""What diffusers raises at files of other models; OSError stands for what it is."""

_SMALL = ("*.json", "*.txt", "*.model")
_VARIANTS = ("*.fp16.*", "*.bf16.*", "*.fp32.*", "*.non_ema.*", "*-of-*.fp16.*")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a model's weights come from.

    Attributes:
        folder: in diffusers layout; all there is, or, beside a file, what the file does not hold.
        networks: the parts that are read from ``folder``.
        file: a single checkpoint or GGUF, with the other parts.
    """

    folder: Path
    networks: tuple[str, ...]
    file: Path | None = None

    @classmethod
    def find(cls, card: ModelCard, weights: str, base: str) -> "Origin":
        """Where ``weights`` are, fetched from the hub if they are not on this disk.

        Raises:
            ValueError: a pickle, a file that can't be read or is of another model, a folder of another model.
            OSError: the weights can't be found or fetched.
        """
        for field, given in (("weights", weights), ("base", base)):
            refuse_pickles(field, given)
        parts = NETWORKS[card.pipeline]
        if not is_file(weights):
            folder = _folder("weights", weights)
            return cls(folder, tuple(part for part in parts if part in _own_parts("weights", folder, card)))
        file = Path(weights).expanduser()
        if not file.is_file():
            raise FileNotFoundError(f"weights: there is no file {weights}")
        held = _held(file, card)
        folder = _folder("base", base, tuple(f"{part}/*{CHECKPOINT}" for part in parts if part not in held))
        own = _own_parts("base", folder, card)
        _refuse_other_guidance(file, folder, card)
        return cls(folder, tuple(part for part in parts if part in own and part not in held), file)


def denoiser_of(card: ModelCard) -> str:
    """The name of the pipeline's part that denoises."""
    return NETWORKS[card.pipeline][0]


def read_pipeline(card: ModelCard, origin: Origin, dtype: torch.dtype, known: Mapping[str, Any]) -> Any:
    """The stock pipeline, whose components and methods the adapters use, in CPU memory.

    Args:
        known: components that are in memory already.

    Raises:
        ValueError: the weights are of another model, or incomplete.
        OSError: weights are missing. Only safetensors are read, and GGUF.
    """
    kind, untouched = getattr(diffusers, card.pipeline), _UNTOUCHED.get(card.pipeline, {})
    name = str(origin.file or origin.folder)
    try:
        if origin.file is None:
            pipeline = kind.from_pretrained(origin.folder, dtype=dtype, use_safetensors=True, **untouched, **known)
        else:
            parts = {part: _read_part(origin.folder, part, dtype) for part in origin.networks if part not in known}
            pipeline = _from_file(card, origin, dtype, {**parts, **known})
        complete(pipeline.components)
    except (*_STRANGE, SingleFileComponentError) as error:
        raise ValueError(f"weights: {name} is no whole {card.id} ({error})") from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def read_controlnet(field: str, weights: str, dtype: torch.dtype) -> Any:
    """A ControlNet, in CPU memory.

    Raises:
        ValueError: a pickle, a single file, a network of another kind, or an incomplete one.
        OSError: the weights can't be found or fetched.
    """
    refuse_pickles(field, weights)
    if is_file(weights):
        raise ValueError(f"{field}: got the file {weights}, allowed: a folder or repository in diffusers layout")
    folder = _folder(field, weights, (f"*{CHECKPOINT}",))
    try:
        found = diffusers.ControlNetModel.load_config(folder).get("_class_name")
        if found != "ControlNetModel":
            raise ValueError(f"it is a {found}")
        network = diffusers.ControlNetModel.from_pretrained(folder, torch_dtype=dtype, use_safetensors=True)
        complete({"controlnet": network})
    except _STRANGE as error:
        raise ValueError(f"{field}: {weights} is no whole ControlNet ({error})") from error
    return network


def complete(parts: Mapping[str, Any]) -> None:
    """Raises ValueError if a network of ``parts`` lacks a tensor: diffusers leaves those without memory."""
    for name, part in parts.items():
        if isinstance(part, nn.Module):
            for tensor, value in part.named_parameters():
                if value.is_meta:
                    raise ValueError(f"it lacks {name}.{tensor}")


def component_classes(folder: Path) -> dict[str, tuple[str, str]]:
    """Library and class of each component, as ``model_index.json`` tells them."""
    index = json.loads((folder / "model_index.json").read_text())
    return {name: (told[0], told[1]) for name, told in index.items() if isinstance(told, list) and told[0]}


def _from_file(card: ModelCard, origin: Origin, dtype: torch.dtype, parts: Mapping[str, Any]) -> Any:
    """The pipeline of what the file holds and, of the base, ``parts``."""
    kind, untouched = getattr(diffusers, card.pipeline), _UNTOUCHED.get(card.pipeline, {})
    how: dict[str, Any] = {"config": str(origin.folder), "torch_dtype": dtype, "local_files_only": True}
    assert origin.file is not None
    if not is_gguf(str(origin.file)):
        return kind.from_single_file(str(origin.file), **how, **untouched, **parts)
    how["quantization_config"] = diffusers.GGUFQuantizationConfig(compute_dtype=dtype)
    denoiser = denoiser_of(card)
    network = getattr(diffusers, component_classes(origin.folder)[denoiser][1])
    transformer = network.from_single_file(str(origin.file), subfolder=denoiser, **how)
    return kind.from_pretrained(origin.folder, dtype=dtype, **{denoiser: transformer}, **parts)


def _read_part(folder: Path, part: str, dtype: torch.dtype) -> Any:
    """One network of a pipeline's folder."""
    library, name = component_classes(folder)[part]
    how = {"dtype" if library == "transformers" else "torch_dtype": dtype}
    return getattr(import_module(library), name).from_pretrained(folder / part, use_safetensors=True, **how)


def _held(file: Path, card: ModelCard) -> set[str]:
    """The parts that a file holds.

    Raises:
        ValueError: it can't be read, or not in this way, or holds no denoiser.
    """
    if is_gguf(str(file)) and card.family == "unet":
        raise ValueError(f"weights: {file} is GGUF, which is read for FLUX and SD3; allowed: {CHECKPOINT}")
    names = _tensors(file)
    if scaled := next((name for name in names if name.endswith(_SCALES)), None):
        raise ValueError(f"weights: {file} has scaled weights ({scaled}), which are not served; allowed: plain ones")
    prefixes = {"vae": _VAE_IN_FILE, **_IN_FILE[card.pipeline]}
    held = {part for part, starts in prefixes.items() if any(name.startswith(starts) for name in names)}
    return held | {denoiser_of(card)}


def _tensors(file: Path) -> list[str]:
    """The names of a file's tensors. Raises ValueError if it can't be read."""
    try:
        if is_gguf(str(file)):
            from gguf import GGUFReader

            return [tensor.name for tensor in GGUFReader(file).tensors]
        with safe_open(file, framework="pt") as tensors:
            return list(tensors.keys())
    except ImportError as error:
        raise ValueError(f"weights: {file} needs the package gguf: pip install 'darkroom[quantized]'") from error
    except (SafetensorError, ValueError, IndexError, KeyError) as error:
        kind = "GGUF" if is_gguf(str(file)) else "safetensors"
        raise ValueError(f"weights: {file} can't be read as {kind} ({error})") from error


def _refuse_other_guidance(file: Path, folder: Path, card: ModelCard) -> None:
    """FLUX.1-dev and -schnell differ in one embedder, which diffusers would drop without a word."""
    if card.family != "flux":
        return
    has = any("guidance_in." in name or "guidance_embedder." in name for name in _tensors(file))
    wants = json.loads((folder / denoiser_of(card) / "config.json").read_text()).get("guidance_embeds", False)
    if has != wants:
        raise ValueError(f"weights: {file} is no whole {card.id} (it has {'an' if has else 'no'} embedder of guidance)")


def _own_parts(field: str, folder: Path, card: ModelCard) -> set[str]:
    """The networks that the folder's index names. Raises ValueError if they are not those of the card's pipeline."""
    try:
        classes = component_classes(folder)
    except (OSError, ValueError) as error:
        raise ValueError(f"{field}: {folder} is no folder in diffusers layout ({error})") from error
    parts = _networks_among(classes)
    wanted = set(NETWORKS[card.pipeline])
    if parts != wanted and parts | {"text_encoder_3"} != wanted:
        raise ValueError(
            f"{field}: {folder} is no {card.id}: it has {', '.join(sorted(parts))}, not {', '.join(sorted(wanted))}"
        )
    return parts


def _networks_among(names: Iterable[str]) -> set[str]:
    return {name for name in names if any(name in parts for parts in NETWORKS.values())}


def _folder(field: str, weights: str, only: Collection[str] | None = None) -> Path:
    """The folder on this disk. A hub repository is fetched, of its weights the files that match ``only``, if given."""
    if Path(weights).expanduser().is_dir():
        return Path(weights).expanduser()
    if weights.startswith((".", "/", "~")):
        raise FileNotFoundError(f"{field}: there is no folder {weights}")
    try:
        if only is None:
            return Path(diffusers.DiffusionPipeline.download(weights, use_safetensors=True))
        return Path(snapshot_download(weights, allow_patterns=[*_SMALL, *only], ignore_patterns=[*_VARIANTS]))
    except (OSError, ValueError) as error:  # the hub's own errors are of these
        raise OSError(
            f"{field}: the repository {weights} can't be fetched, and is not on this disk: {error}. "
            f"Name a local folder as `{field}`"
        ) from error

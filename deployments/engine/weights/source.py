"""Weights of every kind as a stock pipeline: folders, hub repositories, single checkpoints, GGUF."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
from huggingface_hub import snapshot_download
from safetensors import SafetensorError, safe_open
from torch import nn

from deployments.catalog import CHECKPOINT, GGUF, ModelCard, is_file, refuse_pickles

_UNTOUCHED: Mapping[str, Mapping[str, Any]] = {
    "StableDiffusionPipeline": {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False},
    "StableDiffusionXLPipeline": {"add_watermarker": False},
}
"""What keeps a pipeline from changing the model's own picture: no safety checker, no watermark."""

_VAE = ("first_stage_model.", "vae.")
_TEXT = ("cond_stage_model.", "conditioner.embedders.", "text_encoders.t5xxl.")
"""How the names of a checkpoint's tensors begin that holds these parts. Of SD3's it is the one that is left out."""
_OTHERS = ("vae", "text_encoder", "text_encoder_2", "text_encoder_3")
"""The parts of a pipeline that files in circulation leave out, or some of them."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model's weights are.

    Attributes:
        folder: in diffusers layout; all there is, or, beside a file, what the file does not hold.
        file: a single checkpoint or GGUF.
    """

    folder: Path
    file: Path | None = None

    @classmethod
    def find(cls, card: ModelCard, weights: str, base: str) -> "Source":
        """The source that ``weights`` names, fetched from the hub if it is not on this disk.

        Raises:
            ValueError: a pickle.
            OSError: the weights can't be found.
        """
        for field, given in (("weights", weights), ("base", base)):
            refuse_pickles(field, given)
        if not is_file(weights):
            return cls(_folder("weights", weights))
        file = Path(weights).expanduser()
        if not file.is_file():
            raise FileNotFoundError(f"weights: there is no file {weights}")
        others = () if _is_whole(file) else tuple(f"{part}/*{CHECKPOINT}" for part in _OTHERS)
        return cls(_folder("base", base, others), file)


def denoiser_of(card: ModelCard) -> str:
    """The name of the pipeline's part that denoises."""
    return "unet" if card.family == "unet" else "transformer"


def read_pipeline(card: ModelCard, source: Source, dtype: torch.dtype, parts: Mapping[str, Any]) -> Any:
    """The stock pipeline, whose components and methods the adapters use, in CPU memory.

    Args:
        parts: components that are in memory already.

    Raises:
        ValueError: the file is of another model, or can't be read.
        OSError: weights are missing. Only safetensors are read, and GGUF.
    """
    untouched = _UNTOUCHED.get(card.pipeline, {})
    if source.file is not None:
        parts = {**parts, **_from_file(card, source, dtype)}
    pipeline = getattr(diffusers, card.pipeline).from_pretrained(
        source.folder, dtype=dtype, use_safetensors=True, **untouched, **parts
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def read_network(kind: Any, field: str, weights: str, dtype: torch.dtype) -> Any:
    """One network of a pipeline's, of the diffusers class ``kind``: a ControlNet.

    Raises:
        ValueError: a pickle, or a single file.
        OSError: the weights can't be found.
    """
    refuse_pickles(field, weights)
    if is_file(weights):
        raise ValueError(f"{field}: got the file {weights}, allowed: a folder or repository in diffusers layout")
    return kind.from_pretrained(_folder(field, weights, (f"*{CHECKPOINT}",)), torch_dtype=dtype, use_safetensors=True)


def component_classes(folder: Path) -> dict[str, tuple[str, str]]:
    """Library and class of each component, as ``model_index.json`` tells them."""
    index = json.loads((folder / "model_index.json").read_text())
    return {name: (told[0], told[1]) for name, told in index.items() if isinstance(told, list) and told[0]}


def _from_file(card: ModelCard, source: Source, dtype: torch.dtype) -> dict[str, Any]:
    """The components that the file holds, by name."""
    how: dict[str, Any] = {"config": str(source.folder), "torch_dtype": dtype, "local_files_only": True}
    assert source.file is not None
    denoiser = denoiser_of(card)
    classes = component_classes(source.folder)
    if source.file.suffix.lower() == GGUF:
        if card.family == "unet":
            raise ValueError(f"weights: {source.file} is GGUF, which is read for FLUX and SD3; allowed: {CHECKPOINT}")
        how["quantization_config"] = diffusers.GGUFQuantizationConfig(compute_dtype=dtype)
    try:
        if _is_whole(source.file):
            whole = getattr(diffusers, card.pipeline).from_single_file(
                str(source.file), **how, **_UNTOUCHED.get(card.pipeline, {})
            )
            return _complete({name: part for name, part in whole.components.items() if part is not None}, source.file)
        kind = getattr(diffusers, classes[denoiser][1])
        found = {denoiser: kind.from_single_file(str(source.file), subfolder=denoiser, **how)}
        if _holds(source.file, _VAE):
            found["vae"] = diffusers.AutoencoderKL.from_single_file(str(source.file), subfolder="vae", **how)
        return _complete(found, source.file)
    except (ValueError, RuntimeError, LookupError, AttributeError, TypeError) as error:
        # the converters raise what they like at files of other models
        raise ValueError(f"weights: {source.file} is no checkpoint of {card.id} ({error})") from error


def _complete(parts: dict[str, Any], file: Path) -> dict[str, Any]:
    """``parts``, if the file had every tensor of theirs: diffusers leaves the others without memory."""
    for name, part in parts.items():
        if isinstance(part, nn.Module):
            for tensor, value in part.named_parameters():
                if value.is_meta:
                    raise ValueError(f"{file.name} lacks {name}.{tensor}")
    return parts


def _is_whole(file: Path) -> bool:
    """Whether the checkpoint needs nothing beside it but configurations and tokenizers."""
    return _holds(file, _TEXT) and _holds(file, _VAE)


def _holds(file: Path, prefixes: tuple[str, ...]) -> bool:
    """Whether the checkpoint has tensors whose names begin so.

    Raises:
        ValueError: it is no safetensors file.
    """
    if file.suffix.lower() == GGUF:
        return False
    try:
        with safe_open(file, framework="pt") as tensors:
            return any(name.startswith(prefixes) for name in tensors.keys())  # noqa: SIM118  (it is no mapping)
    except SafetensorError as error:
        raise ValueError(f"weights: {file} can't be read as safetensors ({error})") from error


def _folder(field: str, weights: str, only: tuple[str, ...] | None = None) -> Path:
    """The folder on this disk. A hub repository is fetched, of its weights the files that match ``only``, if given."""
    if Path(weights).expanduser().is_dir():
        return Path(weights).expanduser()
    if weights.startswith((".", "/", "~")):
        raise FileNotFoundError(f"{field}: there is no folder {weights}")
    if only is None:
        return Path(diffusers.DiffusionPipeline.download(weights, use_safetensors=True))
    return Path(snapshot_download(weights, allow_patterns=["*.json", "*.txt", "*.model", *only]))

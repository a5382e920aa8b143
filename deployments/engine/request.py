"""``GenerationRequest``: what a client wants, checked; and ``resolve``, which fits it to one model's card."""

import secrets
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from deployments.catalog import SAMPLER_MAX_STEPS, ModelCard, Size, steps_taken
from deployments.engine.errors import InvalidRequest, UnsupportedByModel
from deployments.engine.pictures import Picture, PictureRef

MAX_SEED = 2**53 - 1
"""The largest integer that JSON readers in every language keep exactly."""

MAX_PROMPT_CHARS = 10_000
"""Longer prompts are refused. The encoders read far less (77 tokens for CLIP, 512 for T5) and cut the rest."""

MAX_IMAGES = 10
"""Images of one request; OpenAI's own bound for ``n``."""

REQUEST_ID_PATTERN = r"^[A-Za-z0-9_.-]{1,64}$"

TRANSFORM_STRENGTH = 0.75
"""How much of a picture is repainted unless a request says: A1111's default."""

INPAINT_STRENGTH = 1.0
"""Where a mask says what to repaint, nothing of it stays unless a request says."""

Format = Literal["png", "jpeg", "webp"]


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
    scale: float = Field(default=1.0, ge=-10, le=10, allow_inf_nan=False)


class GenerationRequest(BaseModel):
    """One wish for ``n`` images. Frozen; unknown fields and wrong types raise ``pydantic.ValidationError``.

    A field left ``None`` takes the model's default (:func:`resolve`). What a model can't serve is refused there, as
    :class:`~deployments.engine.errors.UnsupportedByModel`.
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
        le=100,
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
    loras: tuple[LoraRef, ...] = Field(default=(), max_length=8, description="LoRAs to apply.", strict=False)
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


def resolve(request: GenerationRequest, card: ModelCard) -> GenerationRequest:
    """``request`` with every absent field filled from ``card``, checked against what the model can do.

    The result has ``model = card.id`` and ``width``, ``height``, ``steps``, ``guidance`` and ``seed`` set, so whoever
    gets it next needs no card. Resolving a resolved request changes nothing.

    Raises:
        InvalidRequest: a size, step count or prompt outside of the model's bounds.
        UnsupportedByModel: a field that the model can't serve.
    """
    _refuse_what_the_model_lacks(request, card)
    width, height = _size(request, card)
    for field, value in (("width", width), ("height", height)):
        if value % card.granularity or not card.min_side <= value <= card.max_side:
            raise InvalidRequest(
                field, value, f"a multiple of {card.granularity} from {card.min_side} to {card.max_side}"
            )
    if width * height > card.max_pixels:
        raise InvalidRequest("width", width, f"with height {height} at most {card.max_pixels} pixels in all")
    strength = strength_of(request)
    steps = _steps(request.steps, strength, card)
    if request.sampler and steps > SAMPLER_MAX_STEPS.get(request.sampler, card.max_steps):
        raise InvalidRequest("steps", steps, f"1 to {SAMPLER_MAX_STEPS[request.sampler]} with {request.sampler}")
    guidance = request.guidance if request.guidance is not None else card.default_guidance
    seed = request.seed if request.seed is not None else secrets.randbelow(2**32)
    return request.model_copy(
        update={
            "model": card.id,
            "width": width,
            "height": height,
            "steps": steps,
            "guidance": guidance if card.capabilities.supports_guidance else 0.0,
            "seed": seed,
            "strength": strength,
            # an empty negative prompt means none where there can be none
            "negative_prompt": request.negative_prompt if card.capabilities.supports_negative_prompt else None,
        }
    )


def fitted(size: Size, card: ModelCard) -> Size:
    """The size to paint a picture of ``size`` at: its own, as far as the model goes.

    A picture with more pixels than the largest size that the model was trained for is shrunk to as many; then both
    sides are cut to the model's granularity, as the stock pipelines do, and kept within its bounds.
    """
    width, height = size
    most = max(wide * high for wide, high in (card.default_size, *card.supported_sizes))
    scale = min(1.0, (most / (width * height)) ** 0.5, card.max_side / max(size))
    scale = max(scale, card.min_side / min(size))
    least, largest = -(-card.min_side // card.granularity), card.max_side // card.granularity
    units = [min(max(int(side * scale + 1e-6) // card.granularity, least), largest) for side in size]
    return units[0] * card.granularity, units[1] * card.granularity


def _size(request: GenerationRequest, card: ModelCard) -> Size:
    """What the request asks for, a square if it names one side; else its picture's size, or the model's default."""
    match request.width, request.height:
        case None, None:
            image = request.image
            return card.default_size if image is None else fitted((image.width, image.height), card)
        case (int(side), None) | (None, int(side)):
            return side, side
        case int(width), int(height):
            return width, height
    raise AssertionError("sizes are whole numbers or absent")


def strength_of(request: GenerationRequest) -> float | None:
    """How much of its picture the request repaints; ``None`` for one from text alone."""
    if request.image is None or request.strength is not None:
        return request.strength
    return TRANSFORM_STRENGTH if request.mask is None else INPAINT_STRENGTH


def least_steps(strength: float | None, card: ModelCard) -> int:
    """The fewest steps of which ``strength`` leaves one, as far as the model goes."""
    counts = range(1, card.max_steps + 1)
    return next((count for count in counts if steps_taken(card.family, count, strength) >= 1), card.max_steps)


def _steps(asked: int | None, strength: float | None, card: ModelCard) -> int:
    """The requested steps; or the model's, and as many more as it takes for ``strength`` to leave one."""
    steps = max(card.default_steps, least_steps(strength, card)) if asked is None else asked
    if steps > card.max_steps:
        raise InvalidRequest("steps", steps, f"1 to {card.max_steps}")
    if steps_taken(card.family, steps, strength) < 1:
        raise InvalidRequest("strength", strength, f"at least 1/{steps}: of {steps} steps it must leave one")
    return steps


def _refuse_what_the_model_lacks(request: GenerationRequest, card: ModelCard) -> None:
    can = card.capabilities
    if request.mask is not None and request.image is None:
        raise InvalidRequest("mask", "a mask without an image", "a mask together with an image")
    if request.strength is not None and request.image is None:
        raise InvalidRequest("strength", request.strength, "a strength together with an image")
    if request.mask is not None and not can.inpaint:
        raise UnsupportedByModel("mask", "a mask", card.id, "no mask: this model does not inpaint")
    if request.image is not None and request.mask is None and not can.img2img:
        allowed = "an image with a mask" if can.inpaint else "no image: this model makes pictures from text only"
        raise UnsupportedByModel("image", "an image", card.id, allowed)
    if request.image is None and not can.txt2img:
        raise UnsupportedByModel("image", None, card.id, "an image, and a mask where this model only inpaints")
    if request.loras and not can.lora:
        raise UnsupportedByModel("loras", [lora.name for lora in request.loras], card.id, "no LoRAs")
    if can.loras and (unknown := next((one.name for one in request.loras if one.name not in can.loras), None)):
        raise InvalidRequest("loras", unknown, f"one of {', '.join(can.loras)}")
    if request.sampler is not None and request.sampler not in can.samplers:
        allowed = (
            "one of " + ", ".join(can.samplers) if can.samplers else "no sampler: the one its weights ship is used"
        )
        raise UnsupportedByModel("sampler", request.sampler, card.id, allowed)
    if request.negative_prompt and not can.supports_negative_prompt:
        raise UnsupportedByModel("negative_prompt", request.negative_prompt, card.id, "no negative prompt")
    if request.guidance and not can.supports_guidance:
        raise UnsupportedByModel("guidance", request.guidance, card.id, "no guidance, or 0")

"""``resolve``: a request fitted to one model's card, defaults filled in, what the model can't do refused."""

import secrets

from deployments.catalog import SAMPLER_MAX_STEPS, ModelCard, Size, steps_taken
from deployments.engine.errors import InvalidRequest, UnsupportedByModel
from deployments.engine.request import GenerationRequest

TRANSFORM_STRENGTH = 0.75
"""How much of a picture is repainted unless a request says: A1111's default."""

INPAINT_STRENGTH = 1.0
"""Where a mask says what to repaint, nothing of it stays unless a request says."""


def resolve(request: GenerationRequest, card: ModelCard) -> GenerationRequest:
    """``request`` with every absent field filled from ``card``, checked against what the model can do.

    The result has ``model = card.id`` and ``width``, ``height``, ``steps``, ``guidance`` and ``seed`` set, so whoever
    gets it next needs no card. Resolving a resolved request changes nothing.

    Raises:
        InvalidRequest: a size, step count or prompt outside of the model's bounds.
        UnsupportedByModel: a field that the model can't serve.
    """
    _refuse_what_the_model_lacks(request, card)
    _refuse_stray_control(request, card)
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
            **_control(request, card),
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
    """What the request asks for, a square if it names one side; else its picture's size, or the model's default.

    Of a picture to start from and one to follow it is the former's.
    """
    match request.width, request.height:
        case None, None:
            image = request.image or request.control_image
            return card.default_size if image is None else fitted((image.width, image.height), card)
        case (int(side), None) | (None, int(side)):
            return side, side
        case int(width), int(height):
            return width, height
    raise AssertionError("sizes are whole numbers or absent")


def _control(request: GenerationRequest, card: ModelCard) -> dict[str, str | float]:
    """How the request's control image acts, in whole; empty without one."""
    if request.control_image is None:
        return {}
    names = card.capabilities.controlnets
    name = next(iter(names), "") if request.controlnet is None else request.controlnet
    if names and name not in names:
        raise InvalidRequest("controlnet", name, f"one of {', '.join(names)}")
    start = 0.0 if request.control_start is None else request.control_start
    end = 1.0 if request.control_end is None else request.control_end
    if start >= end:
        raise InvalidRequest("control_start", start, f"less than control_end, which is {end}")
    scale = 1.0 if request.control_scale is None else request.control_scale
    return {"controlnet": name, "control_scale": scale, "control_start": start, "control_end": end}


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


def _refuse_stray_control(request: GenerationRequest, card: ModelCard) -> None:
    if request.control_image is not None:
        if not card.capabilities.controlnet:
            raise UnsupportedByModel("control_image", "an image", card.id, "none: no ControlNet is configured for it")
        return
    for field in ("controlnet", "control_scale", "control_start", "control_end"):
        if (value := getattr(request, field)) is not None:
            raise InvalidRequest(field, value, f"{field} together with a control_image")

"""The model card: what a model is called, what it can do, what it needs; and what its weights change of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

Size = tuple[int, int]
"""(width, height) in pixels."""

OVERRIDES_FILE = "darkroom.json"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a client may ask of a model.

    ``samplers`` is empty where only the one that the weights ship is served. ``loras`` and ``controlnets`` are the
    names that requests may use; a replica tells them.
    """

    txt2img: bool = True
    img2img: bool = True
    inpaint: bool = True
    lora: bool = False
    controlnet: bool = False
    supports_guidance: bool = True
    supports_negative_prompt: bool = True
    samplers: tuple[str, ...] = ()
    loras: tuple[str, ...] = ()
    controlnets: tuple[str, ...] = ()


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

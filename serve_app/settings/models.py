"""One served model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from deployments.catalog import CATALOG, find_card, is_file, is_gguf, refuse_pickles
from deployments.engine.spec import Decoding, DType, Offload, Quantization
from serve_app.settings.base import AbsolutePath, Settings, absolute


class ModelSettings(Settings):
    """One served model: a deployment ``model-<id>``."""

    id: str = Field(description="A model's id or alias in the catalog.")
    weights: str | None = Field(
        default=None,
        description="A folder in diffusers layout, a hub repository, one `.safetensors` checkpoint, a `.gguf` file of "
        "the denoiser (FLUX, SD3), or `demo`; the catalog's repository if absent. Pickles are refused.",
    )
    base: str | None = Field(
        default=None,
        description="With a single file: the folder or repository of configurations, tokenizers and parts that the "
        "file does not hold; the catalog's repository if absent.",
    )
    device: str = Field(default="auto", description="`auto`, `cpu`, `cuda`, `cuda:N` or `mps`.")
    dtype: DType = Field(default="auto", description="`auto`: float32 on CPU, bfloat16 on GPUs.")
    quantize: Quantization | None = Field(
        default=None,
        description="Lossy: the denoiser's linear layers with weights of 8 bits, `int8` or `fp8`. Needs torchao.",
    )
    quantize_text: Quantization | None = Field(default=None, description="Lossy: the same for the text encoders.")
    offload: Offload = Field(
        default="none",
        description="What waits in CPU memory: `cpu`, the text encoders and the VAE; `group`, ControlNets and the "
        "denoiser too, block by block.",
    )
    vae: Decoding = Field(
        default="whole", description="`sliced`: one image at a time; `tiled`: in overlapping tiles, which is lossy."
    )
    loras: AbsolutePath | None = Field(
        default=None,
        description="The folder, on every node, of the LoRAs that requests may name: {name}.safetensors, diffusers' "
        "layout or kohya's. None are taken if absent.",
    )
    controlnets: Mapping[Annotated[str, Field(min_length=1, max_length=200)], str] = Field(
        default_factory=dict,
        description="ControlNets for SD 1.5 and SDXL: the name that requests use, and a folder in diffusers layout or "
        "a hub repository. All are loaded at the start.",
    )
    num_gpus: float = Field(default=0, ge=0, description="GPUs of each replica; fractions pack several on one.")
    num_cpus: float = Field(default=0, ge=0, description="CPUs that Ray reserves for each replica.")
    torch_threads: int | None = Field(default=None, ge=1, description="Intra-op threads; torch's own choice if absent.")
    min_replicas: int = Field(default=1, ge=0, description="Replicas kept at all times.")
    max_replicas: int = Field(default=1, ge=1, description="Replicas at most.")
    max_batch: int = Field(default=8, ge=1, le=256, description="Images that share one forward at most.")
    prefetch: int = Field(
        default=2, ge=0, description="Requests handed to a replica beyond its batch, to hide the hop."
    )
    checkpoint_every_s: float | None = Field(
        default=5,
        ge=0,
        description="Seconds between two saved states of a running image, from which it goes on if its replica is "
        "lost; 0 saves after every step, null never.",
    )
    max_queued: int = Field(default=5000, ge=1, description="Jobs that may wait for this model; past it, 429.")
    max_queued_per_client: int = Field(default=1000, ge=1, description="Of these, jobs of one client; past it, 429.")
    upscale_delay_s: float = Field(
        default=5, ge=0, description="Backlog must persist this long before replicas are added."
    )
    downscale_delay_s: float = Field(default=300, ge=0, description="Idleness must persist this long before they go.")
    drain_s: float = Field(default=300, ge=0, description="What a replica that is to stop may still take to finish.")
    ray_actor_options: dict[str, Any] = Field(
        default_factory=dict, description="Passed to Ray as they are: accelerator_type, resources, runtime_env."
    )

    @field_validator("id")
    @classmethod
    def _known(cls, value: str) -> str:
        card = find_card(value)
        if card is None:
            raise ValueError(f"{value!r} is not in the catalog; known: {', '.join(CATALOG)}")
        return card.id

    @field_validator("weights", "base")
    @classmethod
    def _no_pickle(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None:
            refuse_pickles(str(info.field_name), value)
            if is_file(value):
                absolute(Path(value))
        return value

    @field_validator("controlnets")
    @classmethod
    def _folders_or_repositories(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name, weights in value.items():
            refuse_pickles(name, weights)
            if is_file(weights):
                raise ValueError(f"{name}: got the file {weights}, allowed: a folder or a hub repository")
        return value

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"min_replicas ({self.min_replicas}) must be at most max_replicas ({self.max_replicas})")
        return self

    @model_validator(mode="after")
    def _fits_the_model(self) -> Self:
        if self.controlnets and CATALOG[self.id].family != "unet":
            raise ValueError(f"controlnets: {self.id} takes none; SD 1.5, 2.1 and SDXL do")
        if self.base is not None and not is_file(self.weights or ""):
            raise ValueError("base: only beside `weights` that are a single file")
        if self.base is not None and is_file(self.base):
            raise ValueError(f"base: got the file {self.base}, allowed: a folder or a hub repository")
        if is_gguf(self.weights or ""):
            if CATALOG[self.id].family == "unet":
                raise ValueError(f"weights: {self.id} can't be read from GGUF; FLUX and SD3 can")
            if self.quantize:
                raise ValueError("quantize: not with GGUF weights, which are quantised already")
        return self

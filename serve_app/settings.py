"""Every setting of the application, validated once at the edge, then frozen. The only reader of YAML and environment.

``AppArgs`` is what ``args`` of a Serve config file holds, what ``serve_app:build`` takes, and what the command line
fills in. What is left out has a default.
"""

import base64
import binascii
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from deployments.catalog import CATALOG, DEMO_WEIGHTS, MAIN_MODELS, find_card, is_file, is_gguf, refuse_pickles
from deployments.engine.spec import Decoding, DType, Offload, Quantization
from deployments.telemetry.lines import LogFormat, LogLevel


class Settings(BaseModel):
    """The habits that all settings share: frozen, no unknown names, and no error that repeats what may be a secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), hide_input_in_errors=True)


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError(
            f"must be an absolute path (it is read in processes with another working directory), got {path}"
        )
    return path


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]


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
                _absolute(Path(value))
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


class IngressSettings(Settings):
    """The stateless HTTP replicas."""

    min_replicas: int = Field(default=1, ge=1)
    max_replicas: int = Field(default=1, ge=1)
    target_ongoing_requests: float = Field(default=200, gt=0, description="Open requests and streams per replica.")
    drain_s: float = Field(default=60, ge=0, description="What a replica that is to stop may still take to answer.")

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"min_replicas ({self.min_replicas}) must be at most max_replicas ({self.max_replicas})")
        return self


class ApiSettings(Settings):
    """What the HTTP API accepts."""

    max_body_bytes: int = Field(default=64 * 2**20, ge=1024, description="A larger body is refused with 413.")
    max_held_bytes: int = Field(
        default=512 * 2**20, ge=1024, description="Of all bodies that wait for an answer together; past it, 429."
    )
    max_header_bytes: int = Field(
        default=16 * 2**10, ge=1024, description="Of a request line and its headers; larger ones are refused with 431."
    )
    streams_per_client: int = Field(
        default=1024, ge=1, description="Event streams that one client may have open on one replica; past it, 429."
    )
    stream_bytes: int = Field(
        default=32 * 2**20,
        ge=1024,
        description="What one event stream may send: past it, it ends, and a job's can be resumed.",
    )
    session_s: float = Field(
        default=12 * 3600, ge=60, le=366 * 86400, description="Seconds that a page's session lasts."
    )
    ping_s: float = Field(default=15, gt=0, description="Seconds between comment pings on an idle stream.")
    cors_origins: tuple[str, ...] = Field(default=(), description="Origins allowed by CORS; none by default.")


class RetentionSettings(Settings):
    """How long the images of jobs that have ended are kept: until the first of these bounds. Then they are 410."""

    max_age_s: float | None = Field(default=7 * 86400, gt=0, description="Since the job's end.")
    max_jobs: int | None = Field(default=1_000_000, ge=0, description="The newest so many jobs keep their images.")
    max_bytes: int | None = Field(default=100 * 2**30, ge=0, description="The newest jobs with images of so much.")
    forget_after_s: float | None = Field(
        default=90 * 86400, gt=0, description="Since a job's end, until nothing is known of it any more (404)."
    )
    sweep_every_s: float = Field(default=60, gt=0, description="Seconds between looks for what is due.")
    sweep_orphans_every_s: float = Field(
        default=6 * 3600, gt=0, description="Seconds between looks for images and pictures that belong to no job."
    )


class JobSettings(Settings):
    """How jobs are kept."""

    max_attempts: int = Field(
        default=3, ge=1, description="Replicas that one job may lose, until it fails as `interrupted`."
    )
    follow_within_s: float = Field(
        default=5,
        gt=0,
        description="A synchronous call's job that nobody has begun to follow for this long is cancelled.",
    )
    unavailable_after_s: float = Field(
        default=600,
        gt=0,
        description="Without any replica for this long, a model's jobs fail and new ones are refused (503).",
    )
    finished_logs: int = Field(default=256, ge=0, description="Finished jobs whose event logs stay in memory.")
    retention: RetentionSettings = RetentionSettings()


WEBHOOK_SECRET_VARIABLE: Final = "DARKROOM_WEBHOOK_SECRET"


def _secret_of_the_environment() -> str | None:
    return os.environ.get(WEBHOOK_SECRET_VARIABLE) or None


def _signing_secret(value: SecretStr) -> SecretStr:
    prefix, _, encoded = value.get_secret_value().rpartition("_")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        key = b""
    if prefix != "whsec" or not 24 <= len(key) <= 64:
        raise ValueError("must be `whsec_` and then 24 to 64 random bytes in base64")
    return value


SigningSecret = Annotated[SecretStr, AfterValidator(_signing_secret)]


class WebhookSettings(Settings):
    """How other systems are told of jobs: as Standard Webhooks (https://www.standardwebhooks.com) prescribe."""

    secret: SigningSecret | None = Field(
        default_factory=_secret_of_the_environment,
        validate_default=True,
        description="What webhooks are signed with: `whsec_` and base64; the environment's DARKROOM_WEBHOOK_SECRET if "
        "absent. Without any, requests that have a webhook are refused.",
    )
    previous_secret: SigningSecret | None = Field(
        default=None, description="Signs too, until every receiver has the new one."
    )
    allow_private: bool = Field(
        default=False, description="Also to private addresses: for receivers in the same network as this service."
    )
    timeout_s: float = Field(default=15, gt=0, le=60, description="What one try may take, the name's lookup included.")


class LogSettings(Settings):
    """The log lines of this application's processes, in Ray's folder of Serve logs."""

    format: LogFormat = Field(
        default="json", description="`json`: one object per line, with the job it is about; `text`: Serve's own form."
    )
    level: LogLevel = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR: what is less is not logged.")


class AppArgs(Settings):
    """The whole application. ``data`` is one folder for the SQLite database and the images, for one node."""

    data: AbsolutePath | None = Field(default=None, description="Folder of the SQLite database and the images.")
    database: str | None = Field(
        default=None, description="SQLAlchemy URL; `sqlite+aiosqlite:///{data}/darkroom.db` if absent."
    )
    blobs: str | None = Field(default=None, description="obstore URL of the images; `file://{data}/images` if absent.")
    models: tuple[ModelSettings, ...] = Field(
        default_factory=lambda: tuple(ModelSettings(id=model) for model in MAIN_MODELS), min_length=1
    )
    allow_anonymous: bool = Field(
        default=False,
        description="Callers without an API key are answered, from everywhere, and see each other's jobs. If false: "
        "from this machine alone, and only as long as there are no keys.",
    )
    router_shards: int = Field(
        default=1, ge=1, description="Routers, among which the models are dealt out; each owns its models' jobs."
    )
    ingress: IngressSettings = IngressSettings()
    api: ApiSettings = ApiSettings()
    jobs: JobSettings = JobSettings()
    webhooks: WebhookSettings = Field(default_factory=WebhookSettings)
    logs: LogSettings = LogSettings()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        ids = [model.id for model in self.models]
        if twice := {name for name in ids if ids.count(name) > 1}:
            raise ValueError(f"models: {', '.join(sorted(twice))} configured twice")
        if self.router_shards > len(self.models):
            raise ValueError(f"router_shards: {self.router_shards} for {len(self.models)} models; at most one each")
        if self.data is None and (self.database is None or self.blobs is None):
            raise ValueError("data: an absolute folder is required, unless both `database` and `blobs` are given")
        return self

    @property
    def shards(self) -> tuple[tuple[ModelSettings, ...], ...]:
        """The models of each Router."""
        return tuple(
            tuple(model for model in self.models if self.shard_of[model.id] == shard)
            for shard in range(self.router_shards)
        )

    @property
    def shard_of(self) -> dict[str, int]:
        """By model, in order, which Router has it: they are dealt out in turn, the default model to the first."""
        return {model.id: place % self.router_shards for place, model in enumerate(self.models)}

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database or f"sqlite+aiosqlite:///{self.data}/darkroom.db"

    @property
    def blobs_url(self) -> str:
        """The obstore URL in force."""
        return self.blobs or f"file://{self.data}/images"


def demo_args(data: Path, models: tuple[str, ...] = MAIN_MODELS) -> AppArgs:
    """The embedded default: every model on its demo weights, on CPU, with nothing but ``data`` to write to."""
    return AppArgs(
        data=data,
        models=tuple(
            ModelSettings(id=model, weights=DEMO_WEIGHTS, device="cpu", dtype="float32", max_batch=16)
            for model in models
        ),
    )


def gpu_args(data: Path, models: tuple[str, ...]) -> AppArgs:
    """Every model on its own weights, with a GPU to itself."""
    return AppArgs(data=data, models=tuple(ModelSettings(id=model, num_gpus=1) for model in models))


IMPORT_PATH: Final = "serve_app:build"
"""How a Serve config names this application."""

DATA_VARIABLE: Final = "DARKROOM_DATA"
URL_VARIABLE: Final = "DARKROOM_URL"
KEY_VARIABLE: Final = "DARKROOM_API_KEY"
HAPROXY_VARIABLE: Final = "RAY_SERVE_ENABLE_HA_PROXY"
TRACES_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""OpenTelemetry's own: where spans are sent. Its SDK reads these, and the rest of its variables, in each process."""


class ConfigInvalid(ValueError):
    """A config file can't be read or used; the message says where and why, in one line for each finding."""


def data_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where an embedded service keeps its data: ``DARKROOM_DATA``, else ``./darkroom-data``; made absolute."""
    return Path(environ.get(DATA_VARIABLE) or "darkroom-data").expanduser().absolute()


def service_url(environ: Mapping[str, str] = os.environ) -> str:
    """The service that a client talks to: ``DARKROOM_URL``, else the address where ``darkroom serve`` listens."""
    return environ.get(URL_VARIABLE) or "http://127.0.0.1:8000"


def api_key(environ: Mapping[str, str] = os.environ) -> str | None:
    """The key that a client shows: ``DARKROOM_API_KEY``.

    Raises:
        ConfigInvalid: it could not be sent. The message does not show it.
    """
    key = environ.get(KEY_VARIABLE, "").strip()
    if key and re.fullmatch(r"[!-~]+", key) is None:
        raise ConfigInvalid(f"{KEY_VARIABLE}: is no API key, which has no spaces and ASCII characters alone")
    return key or None


def knows_peers(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether Serve tells who connects. Behind the HAProxy that it can start, everybody comes from this machine."""
    return environ.get(HAPROXY_VARIABLE, "0") == "0"


def exports_traces(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether spans are to be exported: one of :data:`TRACES_VARIABLES` says where to, and nobody has forbidden it."""
    return any(map(environ.get, TRACES_VARIABLES)) and environ.get("OTEL_SDK_DISABLED", "").lower() != "true"


def load_config(path: Path, data: Path | None = None) -> dict[str, Any]:
    """The Serve config in the YAML file ``path``, with the ``args`` of this application checked and made whole.

    A relative ``data`` is taken from the current folder; without any, and where ``database`` and ``blobs`` don't stand
    in, it is :func:`data_folder`. The parameter ``data`` goes before what the file says.

    Raises:
        ConfigInvalid: the file can't be read, is no Serve config, does not have this application exactly once, or its
            ``args`` are not valid.
    """
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigInvalid(f"{path}: {error}") from error
    applications = config.get("applications") if isinstance(config, dict) else None
    if not isinstance(applications, list) or not all(isinstance(entry, dict) for entry in applications):
        raise ConfigInvalid(f"{path}: a Serve config with a list `applications` is needed, as in config/demo.yaml")
    ours = [entry for entry in applications if entry.get("import_path") == IMPORT_PATH]
    if len(ours) != 1:
        raise ConfigInvalid(f"{path}: one application with `import_path: {IMPORT_PATH}` is needed, found {len(ours)}")
    args = ours[0].get("args", {})
    if not isinstance(args, dict):
        raise ConfigInvalid(f"{path}: args: a mapping is needed")
    folder = data or args.get("data")
    if folder is None and not (args.get("database") and args.get("blobs")):
        folder = data_folder()
    if isinstance(folder, str | Path):
        args = args | {"data": str(Path(folder).expanduser().absolute())}
    try:
        AppArgs.model_validate(args)
    except ValidationError as error:
        raise ConfigInvalid("\n".join(f"{path}: args.{finding}" for finding in findings(error))) from error
    ours[0]["args"] = args
    return dict(config)


def database_of(config: Path | None, data: Path | None) -> str:
    """The SQLAlchemy URL of the service that ``darkroom serve`` with these options runs; raises ConfigInvalid."""
    if config is None:
        return AppArgs(data=data.expanduser().absolute() if data is not None else data_folder()).database_url
    (args,) = (one["args"] for one in load_config(config, data)["applications"] if one["import_path"] == IMPORT_PATH)
    return AppArgs.model_validate(args).database_url


def findings(error: ValidationError) -> list[str]:
    """One line for each finding: where, dotted, and what."""
    return [f"{'.'.join(map(str, found['loc'])) or '(whole)'}: {found['msg']}" for found in error.errors()]

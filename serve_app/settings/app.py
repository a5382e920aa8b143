"""The whole application: ``args`` of a Serve config file, and what ``serve_app:build`` takes."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from deployments.catalog import DEMO_WEIGHTS, MAIN_MODELS
from serve_app.settings.base import AbsolutePath, Settings
from serve_app.settings.ingress import ApiSettings, IngressSettings
from serve_app.settings.jobs import JobSettings
from serve_app.settings.logs import LogSettings
from serve_app.settings.models import ModelSettings
from serve_app.settings.webhooks import WebhookSettings


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

"""What ``darkroom serve`` is going to deploy: decided from options and config before anything is started."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from deployments.catalog import MAIN_MODELS
from serve_app.settings import IMPORT_PATH, AppArgs, gpu_args

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8000

NO_GPU: Final = """There is no GPU that Ray can see on this machine. Choose one of:
  darkroom serve --demo           all models on small built-in weights, on the CPU, nothing to download
  darkroom serve --config FILE    settings of your own, for example real weights with `device: cpu` (slow)"""


class Unservable(ValueError):
    """What was asked for can't be served on this machine; the message says what can."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to deploy, and where it will answer.

    Attributes:
        config: the content of a Serve config file.
        models: the ids of the models that it serves, at least one.
        host, port: where it listens.
        url: the base URL, as this machine reaches it.
        data: the folder of the database and the images; ``None`` where they are elsewhere.
        keys_command: what makes an API key for this service.
        allow_anonymous: whether callers need none.
        picture: where to write a first picture; ``None`` for none.
    """

    config: Mapping[str, Any]
    models: tuple[str, ...]
    host: str
    port: int
    url: str
    data: Path | None
    keys_command: str
    allow_anonymous: bool
    picture: Path | None = None

    @classmethod
    def of(
        cls,
        config: Mapping[str, Any],
        *,
        host: str | None = None,
        port: int | None = None,
        picture: Path | None = None,
        file: Path | None = None,
    ) -> Self:
        """The plan for a checked config, which was read from ``file`` if from one; ``host`` and ``port`` go before its
        own ``http_options``.
        """
        http: dict[str, Any] = {"host": DEFAULT_HOST, "port": DEFAULT_PORT} | (config.get("http_options") or {})
        http |= {name: value for name, value in (("host", host), ("port", port)) if value is not None}
        application = next(entry for entry in config["applications"] if entry["import_path"] == IMPORT_PATH)
        listens, at = str(http["host"]), int(http["port"])
        reached = {"0.0.0.0": DEFAULT_HOST, "::": "::1"}.get(listens, listens)
        netloc = f"[{reached}]:{at}" if ":" in reached else f"{reached}:{at}"
        args = AppArgs.model_validate(application["args"])
        return cls(
            config={**config, "http_options": http},
            models=tuple(model.id for model in args.models),
            host=listens,
            port=at,
            url=f"http://{netloc}{(application.get('route_prefix') or '/').rstrip('/')}",
            data=args.data,
            keys_command=_keys_command(args, file),
            allow_anonymous=args.allow_anonymous,
            picture=picture,
        )


def _keys_command(args: AppArgs, file: Path | None) -> str:
    where = ("--data", str(args.data)) if args.database is None or file is None else ("--config", str(file.absolute()))
    return shlex.join(("darkroom", "keys", "create", "NAME", *where))


def local_config(args: AppArgs) -> dict[str, Any]:
    """The Serve config of ``args`` alone, with the autoscaling policy: what ``config/demo.yaml`` spells out."""
    return {
        "applications": [
            {
                "name": "darkroom",
                "import_path": IMPORT_PATH,
                "route_prefix": "/",
                "autoscaling_policy": {"policy_function": "serve_app.autoscaling:BacklogPolicy"},
                "args": args.model_dump(mode="json", exclude_unset=True),
            }
        ]
    }


def refuse_too_few_gpus(config: Mapping[str, Any], gpus: int) -> None:
    """Replicas that wait for GPUs which this machine does not have would wait for ever.

    Raises:
        Unservable: the config's models want more GPUs at their fewest replicas than ``gpus``.
    """
    application = next(entry for entry in config["applications"] if entry["import_path"] == IMPORT_PATH)
    models = AppArgs.model_validate(application["args"]).models
    wanted = sum(model.num_gpus * model.min_replicas for model in models)
    if wanted <= gpus:
        return
    if gpus == 0:
        raise Unservable(NO_GPU)
    raise Unservable(f"the config's models want {wanted:g} GPUs, and there are {gpus}: give them fewer `num_gpus`")


def one_gpu_each(data: Path, chosen: tuple[str, ...], gpus: int) -> AppArgs:
    """Each chosen model with a GPU of its own; without a choice, the catalog's first, as many as there are GPUs.

    Raises:
        Unservable: there are fewer GPUs than models.
    """
    if gpus == 0:
        raise Unservable(NO_GPU)
    if len(chosen) > gpus:
        raise Unservable(
            f"{len(chosen)} models need a GPU each, and there are {gpus}: name fewer with --models, or let models "
            "share a GPU with fractional `num_gpus` in a --config FILE"
        )
    return gpu_args(data, chosen or MAIN_MODELS[:gpus])

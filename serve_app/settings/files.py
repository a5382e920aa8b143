"""Serve config files, and the only reader of them."""

from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from serve_app.settings.app import AppArgs
from serve_app.settings.environment import data_folder
from serve_app.settings.invalid import ConfigInvalid

IMPORT_PATH: Final = "serve_app:build"
"""How a Serve config names this application."""


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

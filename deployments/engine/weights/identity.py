"""Which weights these are, told in a line: what has the same line makes the same pictures."""

import os
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from deployments.catalog import ModelCard
from deployments.engine.spec import LoadSpec
from deployments.engine.weights.origin import Origin

_PLACES = 64
_BYTES = 4096


def identity(spec: LoadSpec, card: ModelCard, origin: Origin) -> str:
    """The settings that decide a model's bits, by name, and its files, by what is in them.

    Of each file 64 places are read: whoever changes weights changes them nearly everywhere. The LoRAs' folder, the
    device and the dtype are left out: requests tell which LoRAs they have, and families the others.
    """
    named = replace(spec, model=card.id, weights=card.weights, device="auto", dtype="auto", loras=None)
    folders = [origin.folder / part for part in (*origin.networks, "scheduler")]
    folders += [Path(weights).expanduser() for weights in spec.controlnets.values()]  # none for a hub's repository
    files = [
        file for folder in folders for file in sorted(folder.glob("*")) if file.suffix in {".json", ".safetensors"}
    ]
    return f"{named} {_sample(files if origin.file is None else [*files, origin.file])}"


def _sample(files: Iterable[Path]) -> str:
    digest = sha256()
    for path in files:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            digest.update(f"{path.name} {size} ".encode())
            for place in range(_PLACES):
                file.seek(size * place // _PLACES)
                digest.update(file.read(_BYTES))
    return digest.hexdigest()

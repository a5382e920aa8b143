"""Fingerprints: where two images' are equal, all that decides their bits is."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version
from typing import Any

from deployments.catalog import ModelCard
from deployments.engine.families.base import Family, Item
from deployments.engine.families.source import here
from deployments.engine.pictures import Picture, PictureRef
from deployments.engine.request import PICTURE_FIELDS

FORMAT = 1
"""Of checkpoints: counted up when older ones can't be read any more."""

_PACKAGES = ("darkroom", "torch", "diffusers", "transformers", "torchsde")

_OF_NO_MATTER = {"id", "n", "seed", "preview_every", "format", "quality"}
"""Fields of a request that change no latents; but for the seed, which is told of each image alone."""


def model_facts(card: ModelCard, family: Family, weights_id: str) -> Mapping[str, Any]:
    """What an engine's images have in common.

    Args:
        weights_id: see :class:`deployments.engine.loader.LoadedModel`.
    """
    return {
        "format": FORMAT,
        "model": card.id,
        "tokens": card.max_sequence_length,
        "weights": weights_id,
        "dtype": str(family.dtype),
        "device": family.device.type,
        "versions": {package: version(package) for package in _PACKAGES},
    }


def fingerprints(items: Sequence[Item], model: Mapping[str, Any]) -> list[str]:
    """SHA-256, in hex, of each image of one request.

    Pictures count by their encoded bytes, and LoRAs by their file's too.

    Args:
        model: of the engine, see :func:`model_facts`.
    """
    if not items:
        return []
    request = items[0].request
    facts = {
        "request": request.model_dump(exclude={*_OF_NO_MATTER, *PICTURE_FIELDS}),
        "pictures": {field: _picture(field, getattr(request, field)) for field in PICTURE_FIELDS},
        "loras": [lora.digest for lora, _ in items[0].adapters],
        "model": model,
    }
    shared = sha256(json.dumps(facts, sort_keys=True).encode())
    return [_with_seed(shared, item) for item in items]


def _with_seed(shared: Any, item: Item) -> str:
    own = shared.copy()
    own.update(f" {item.seed}".encode())
    digest: str = own.hexdigest()
    return digest


def _picture(field: str, picture: Picture | PictureRef | None) -> str | None:
    return None if picture is None else sha256(here(field, picture).encoded()).hexdigest()

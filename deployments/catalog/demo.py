"""What the built-in demo weights change of the cards."""

from collections.abc import Mapping
from typing import Any

from deployments.catalog.models import CATALOG

DEMO_WEIGHTS = "demo"
"""The value of a ``weights`` setting that names the built-in stand-ins."""

DEMO_T5_TOKENS = 48
"""What the demo's T5 models pad prompts to, where the real ones take 256 or 512."""

_DEMO_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "unet": {"default_guidance": 3.0},
    "flux": {"default_guidance": 2.5, "default_steps": 28},
}
"""By family: small models know what a prompt asks for, and burn where large ones need to be pushed."""


def demo_overrides(model: str) -> Mapping[str, Any]:
    """The ``darkroom.json`` of ``model``'s demo weights.

    Raises:
        KeyError: ``model`` is not an id of the catalog.
    """
    changes: dict[str, Any] = {
        "default_size": [128, 128],
        "supported_sizes": [[128, 128], [128, 192], [192, 128]],
        "max_side": 512,
        "max_pixels": 512 * 512,
        "vram_gb": {"float32": 0.1},
        "seconds_per_row": 0.005,
    }
    if CATALOG[model].max_sequence_length is not None:
        changes["max_sequence_length"] = DEMO_T5_TOKENS
    if CATALOG[model].default_guidance > 1:
        changes |= _DEMO_DEFAULTS.get(CATALOG[model].family, {})
    return changes

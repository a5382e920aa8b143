"""Every servable model as plain data. Imports no torch.

A weights folder may carry a ``darkroom.json`` whose fields override its card's (:meth:`ModelCard.override`): a
fine-tune with another native size, or the demo weights.
"""

from deployments.catalog.card import OVERRIDES_FILE, Capabilities, ModelCard, Size, read_overrides
from deployments.catalog.demo import DEMO_T5_TOKENS, DEMO_WEIGHTS, demo_overrides
from deployments.catalog.files import CHECKPOINT, is_file, is_gguf, refuse_pickles
from deployments.catalog.find import card_for, find_card
from deployments.catalog.models import CATALOG, MAIN_MODELS
from deployments.catalog.samplers import (
    CONTROL_ROWS,
    FLOW_SAMPLERS,
    SAMPLER_MAX_STEPS,
    UNET_SAMPLERS,
    controlled_row,
    forwards,
    steps_taken,
)

__all__ = [
    "CATALOG",
    "CHECKPOINT",
    "CONTROL_ROWS",
    "DEMO_T5_TOKENS",
    "DEMO_WEIGHTS",
    "FLOW_SAMPLERS",
    "MAIN_MODELS",
    "OVERRIDES_FILE",
    "SAMPLER_MAX_STEPS",
    "UNET_SAMPLERS",
    "Capabilities",
    "ModelCard",
    "Size",
    "card_for",
    "controlled_row",
    "demo_overrides",
    "find_card",
    "forwards",
    "is_file",
    "is_gguf",
    "read_overrides",
    "refuse_pickles",
    "steps_taken",
]

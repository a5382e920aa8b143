"""What pipelines are made of, and what a folder in diffusers layout says of itself."""

import json
from collections.abc import Mapping
from pathlib import Path

from deployments.catalog import ModelCard

NETWORKS: Mapping[str, tuple[str, ...]] = {
    "StableDiffusionPipeline": ("unet", "vae", "text_encoder"),
    "StableDiffusionXLPipeline": ("unet", "vae", "text_encoder", "text_encoder_2"),
    "StableDiffusion3Pipeline": ("transformer", "vae", "text_encoder", "text_encoder_2", "text_encoder_3"),
    "FluxPipeline": ("transformer", "vae", "text_encoder", "text_encoder_2"),
}
"""What each pipeline is made of; the denoiser first. SD3 may do without its third text encoder."""


def denoiser_of(card: ModelCard) -> str:
    """The name of the pipeline's part that denoises."""
    return NETWORKS[card.pipeline][0]


def component_classes(folder: Path) -> dict[str, tuple[str, str]]:
    """Library and class of each component, as ``model_index.json`` tells them."""
    index = json.loads((folder / "model_index.json").read_text())
    return {name: (told[0], told[1]) for name, told in index.items() if isinstance(told, list) and told[0]}


def own_parts(field: str, folder: Path, card: ModelCard) -> set[str]:
    """The networks that the folder's index names. Raises ValueError if they are not those of the card's pipeline."""
    try:
        classes = component_classes(folder)
    except (OSError, ValueError) as error:
        raise ValueError(f"{field}: {folder} is no folder in diffusers layout ({error})") from error
    parts = {name for name in classes if any(name in networks for networks in NETWORKS.values())}
    wanted = set(NETWORKS[card.pipeline])
    if parts != wanted and parts | {"text_encoder_3"} != wanted:
        raise ValueError(
            f"{field}: {folder} is no {card.id}: it has {', '.join(sorted(parts))}, not {', '.join(sorted(wanted))}"
        )
    return parts

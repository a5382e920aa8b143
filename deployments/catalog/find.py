"""From a name to a card."""

from dataclasses import replace
from pathlib import Path

from deployments.catalog.card import ModelCard, read_overrides
from deployments.catalog.demo import DEMO_WEIGHTS, demo_overrides
from deployments.catalog.models import CATALOG


def find_card(name: str) -> ModelCard | None:
    """The card whose id, alias or default weights repository is ``name``, in any case; ``None`` if there is none."""
    wanted = name.lower()
    for card in CATALOG.values():
        if wanted in {card.id, *card.aliases, card.weights.lower()}:
            return card
    return None


def card_for(model: str, weights: str | None = None) -> ModelCard:
    """The card of ``model`` as these ``weights`` change it.

    A local folder's ``darkroom.json`` is read; for a hub repository that is not on this disk the catalog's own card
    stands until the loader has fetched it.

    Raises:
        KeyError: ``model`` is neither an id nor an alias in the catalog.
        ValueError: the overrides file is not valid.
    """
    card = find_card(model)
    if card is None:
        raise KeyError(f"{model!r} is not in the catalog; known: {', '.join(CATALOG)}")
    if weights is None:
        return card
    card = replace(card, weights=weights)
    if weights == DEMO_WEIGHTS:
        return card.override(demo_overrides(card.id))
    return card.override(read_overrides(Path(weights)))

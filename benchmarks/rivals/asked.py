"""What a rival is asked for, and how it makes that with the stock pipeline."""

import io
from typing import Any

from pydantic import BaseModel

from benchmarks.stock import Stock
from deployments.catalog import find_card, read_overrides
from deployments.demo import demo_folder
from deployments.engine import GenerationRequest
from deployments.engine.resolve import resolve


class Asked(BaseModel):
    """The body of a request."""

    prompt: str
    seed: int
    steps: int


def load(model: str) -> Stock:
    """The stock pipeline on the demo weights."""
    card = find_card(model)
    assert card is not None, f"no model {model}"
    folder = demo_folder(card.id)
    return Stock(card.override(read_overrides(folder)), folder)


def paint(stock: Stock, asked: Asked) -> bytes:
    """The picture, as PNG with Pillow's defaults."""
    request = resolve(GenerationRequest(prompt=asked.prompt, seed=asked.seed, steps=asked.steps), stock.card)
    file = io.BytesIO()
    stock(request).save(file, "PNG")
    return file.getvalue()


def body(prompt: str, seed: int, steps: int) -> dict[str, Any]:
    """The same, for a client."""
    return Asked(prompt=prompt, seed=seed, steps=steps).model_dump()

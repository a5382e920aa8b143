"""The engine and the stock pipeline in one process, each at its best."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch
from PIL.Image import Image

from benchmarks.stock import Stock
from deployments.engine import Engine, GenerationRequest
from deployments.engine.compute import Compute
from deployments.engine.loader import load
from deployments.engine.spec import LoadSpec

StockCall = Callable[[GenerationRequest], Image]


@contextmanager
def engine_and_stock(spec: LoadSpec, weights: Path, max_batch: int) -> Iterator[tuple[Engine, StockCall]]:
    """An engine of ``spec``, on the CPU, and the stock pipeline on the same weights.

    Both load and compute on one thread, the engine's: with two, each would make the other slow
    (:class:`~deployments.engine.compute.Compute`).
    """
    compute = Compute(torch.device("cpu"))
    loaded = compute(partial(load, spec))
    stock = compute(partial(Stock, loaded.card, weights))

    def call(request: GenerationRequest) -> Image:
        return compute(partial(stock, request))

    with Engine(loaded.family, loaded.card, max_batch=max_batch, compute=compute) as engine:
        yield engine, call

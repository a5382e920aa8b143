"""The application on engines that write down each forward: ``benchmarks.witnessed:build`` in a Serve config file."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO, cast

from ray.serve import Application

from deployments.engine import Engine
from deployments.engine.compute import Compute
from deployments.engine.families.base import DenoiseState, Family
from deployments.engine.loader import load
from deployments.engine.spec import LoadSpec
from deployments.served import available_cores
from serve_app.app import compose
from serve_app.settings import AppArgs, ModelSettings

FILE = "forwards.txt"
"""In the application's data folder; a line is when a forward began and ended (seconds of the monotonic clock, which
all processes of a machine share) and the ids of the requests in it."""


@dataclass(frozen=True, slots=True)
class Forward:
    """One line of the file."""

    begun: float
    ended: float
    requests: frozenset[str]


def read(data: Path) -> list[Forward]:
    """Every forward so far, in order."""
    lines = (line.split() for line in (data / FILE).read_text(encoding="utf-8").splitlines())
    return [Forward(float(begun), float(ended), frozenset(requests)) for begun, ended, *requests in lines]


class Witness:
    """A family, and a file that sees its forwards."""

    def __init__(self, family: Family, file: TextIO) -> None:
        self._family = family
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._family, name)

    def denoise(self, states: Sequence[DenoiseState]) -> None:
        begun = time.monotonic()
        try:
            self._family.denoise(states)
        finally:
            requests = " ".join(sorted({state.item.request.id for state in states}))
            self._file.write(f"{begun} {time.monotonic()} {requests}\n")
            self._file.flush()


@dataclass(frozen=True, slots=True)
class LoadWitnessed:
    """The engine factory."""

    spec: LoadSpec
    max_batch: int
    file: Path

    def __call__(self) -> Engine:
        import torch

        torch.set_num_threads(available_cores())
        compute = Compute(torch.device("cpu"))
        loaded = compute(partial(load, self.spec))
        witness = Witness(loaded.family, self.file.open("a", encoding="utf-8"))
        return Engine(
            cast(Family, witness),
            loaded.card,
            max_batch=self.max_batch,
            overrides=dict(loaded.overrides),
            compute=compute,
        )


def build(args: AppArgs) -> Application:
    """What ``serve_app:build`` does, over witnessed engines on the CPU; ``args.data`` must be set."""
    file = Path(str(args.data)) / FILE

    def engine(model: ModelSettings) -> LoadWitnessed:
        spec = LoadSpec(model=model.id, weights=model.weights, device="cpu", dtype="float32")
        return LoadWitnessed(spec, model.max_batch, file)

    return compose(args, engine)

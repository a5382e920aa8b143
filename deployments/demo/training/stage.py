"""Runs one training from its start, or from its last checkpoint, to its end."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import torch
from diffusers.training_utils import EMAModel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn

from deployments.demo.training.optimizer import Optimizer

SEED = 20260101


class Stage(ABC):
    """One training: what learns, from what, for how long.

    A step's batch depends on nothing but the stage and the step's number, so that a training that was stopped and
    resumed sees the very pictures that an undisturbed one does.
    """

    name: ClassVar[str]
    steps: int
    learning_rate: ClassVar[float]
    muon: ClassVar[bool] = False
    """Whether hidden matrices learn with Muon instead of AdamW."""
    samples: ClassVar[int] = 6
    """How often in a training samples are written."""

    @property
    @abstractmethod
    def modules(self) -> dict[str, nn.Module]:
        """What learns, by name."""

    @abstractmethod
    def loss(self, step: int) -> Tensor:
        """The scalar loss of the batch of ``step``."""

    @abstractmethod
    def sample(self, path: Path) -> None:
        """Write what shows how far learning has come to ``path``, with a suffix added. Weights are averaged ones."""


def run(stage: Stage, work: Path, device: torch.device, checkpoint_every_s: float = 60.0) -> None:
    """Train ``stage``, and leave its averaged weights in its modules, frozen.

    Checkpoints go to ``work``/<name>.pt every ``checkpoint_every_s`` seconds, samples to ``work``/samples, the result
    to ``work``/<name>-finished.pt; once that is there it is only loaded.
    """
    work.mkdir(parents=True, exist_ok=True)
    modules = nn.ModuleDict(stage.modules).to(device)
    finished = work / f"{stage.name}-finished.pt"
    if finished.exists():
        modules.load_state_dict(torch.load(finished, map_location=device, weights_only=True))
    else:
        _train(stage, modules, work, device, checkpoint_every_s)
        _save(modules.state_dict(), finished)
    modules.eval().requires_grad_(False)


def _train(stage: Stage, modules: nn.ModuleDict, work: Path, device: torch.device, checkpoint_every_s: float) -> None:
    optimizer = Optimizer(modules, stage.learning_rate, stage.steps, muon=stage.muon)
    parameters = optimizer.parameters
    average = EMAModel(parameters, decay=0.999, use_ema_warmup=True, inv_gamma=1.0, power=0.8)
    parts: dict[str, Any] = {"modules": modules, "optimizer": optimizer, "average": average}
    checkpoint = work / f"{stage.name}.pt"
    step = 0
    if checkpoint.exists():
        stored = torch.load(checkpoint, map_location=device, weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(stored[name])
        step = int(stored["step"])
    with _progress() as progress:
        task = progress.add_task(stage.name, total=stage.steps, completed=step, loss="")
        saved, smooth = time.monotonic(), None
        modules.train()
        while step < stage.steps:
            torch.manual_seed(SEED + step)
            loss = stage.loss(step)
            optimizer.step(loss)
            average.step(parameters)
            step += 1
            smooth = loss.item() if smooth is None else 0.98 * smooth + 0.02 * loss.item()
            progress.update(task, advance=1, loss=f"loss {smooth:.4f}")
            if time.monotonic() - saved > checkpoint_every_s:
                _save({name: part.state_dict() for name, part in parts.items()} | {"step": step}, checkpoint)
                saved = time.monotonic()
            if step % max(1, stage.steps // stage.samples) == 0 or step == stage.steps:
                average.store(parameters)
                average.copy_to(parameters)
                _sample(stage, modules, work / "samples" / f"{stage.name}-{step:06d}")
                average.restore(parameters)
    average.copy_to(parameters)


@torch.no_grad()
def _sample(stage: Stage, modules: nn.ModuleDict, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    modules.eval()
    stage.sample(path)
    modules.train()


def _save(state: dict[str, Any], path: Path) -> None:
    """Write all or nothing."""
    scratch = path.with_suffix(".tmp")
    torch.save(state, scratch)
    scratch.replace(path)


def _progress() -> Progress:
    columns: Iterable[Any] = (
        TextColumn("{task.description:<13}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[loss]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, refresh_per_second=2)

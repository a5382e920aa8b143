"""The command that makes the demo weights: ``python -m deployments.demo.training``."""

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from diffusers.utils import logging

from deployments.catalog import MAIN_MODELS
from deployments.demo.folder import WEIGHTS
from deployments.demo.pipelines import Shared, assemble, denoiser
from deployments.demo.training.autoencoder import AutoencoderStage, paintings
from deployments.demo.training.export import export, share_equals
from deployments.demo.training.flows import (
    FlowBaseStage,
    FlowFewStepsStage,
    FlowGuidanceStage,
    start_few_steps,
    start_guided,
)
from deployments.demo.training.latents import LatentLibrary, fit_latent_rgb, normalise
from deployments.demo.training.stage import SEED, Stage, run
from deployments.demo.training.text import TextStage
from deployments.demo.training.unets import SD15Stage, SDXLStage

UNETS = {"sd15": SD15Stage, "sdxl": SDXLStage}


def train(
    work: Annotated[Path, typer.Option(help="Checkpoints, samples and painted pictures; kept to resume from.")] = Path(
        "darkroom-training"
    ),
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where the finished model folders go; of a trial into WORK.", show_default="deployments/demo/weights"
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="A torch device.")] = "cuda" if torch.cuda.is_available() else "cpu",
    share: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Below 1: a trial with this share of all steps, in a folder of WORK."),
    ] = 1.0,
    only: Annotated[list[str] | None, typer.Option(help="Train and write these models alone; may be repeated.")] = None,
) -> None:
    """Train the demo weights of all four models from nothing: about three hours on two CPU cores.

    Stopped at any time, it goes on where it was when started again. Samples appear in WORK/samples. On a CPU each
    training keeps to one core, and SD 1.5 and SDXL are trained by a second process, beside the FLUX pair.
    """
    wanted = only or list(MAIN_MODELS)
    if unknown := set(wanted) - set(MAIN_MODELS):
        raise typer.BadParameter(
            f"no demo weights for {', '.join(sorted(unknown))}; there are: {', '.join(MAIN_MODELS)}"
        )
    given = ["--work", str(work), "--device", device, "--share", str(share)]
    if share < 1.0:
        work = work / f"trial-{share:g}"  # what a trial has finished is not to be taken for the real thing
    out = out or (WEIGHTS if share == 1.0 else work / "weights")
    # FLUX's norms keep float32 weights under autocast, as they should
    warnings.filterwarnings("ignore", message="Mismatch dtype between input and weight")
    logging.set_verbosity_error()  # a caption with many thrown-in letters may be cut: no news
    trainer = _Trainer(work, torch.device(device), share)
    if trainer.device.type == "cpu":
        torch.set_num_threads(1)  # networks as small as these lose more by a second thread than they gain
    shared, library = _world(trainer)
    unets, flows = [model for model in wanted if model in UNETS], [model for model in wanted if model not in UNETS]
    if trainer.device.type == "cpu" and unets and flows and (os.cpu_count() or 1) > 1:
        with _beside(unets, given, work):
            _denoisers(flows, shared, library, trainer)
    networks = _denoisers(wanted, shared, library, trainer)  # what is trained by now is only loaded
    latents, pixels = library.first(256)
    latent_rgb = fit_latent_rgb(latents, pixels)
    for model, network in networks.items():
        export(model, assemble(model, shared, network), latent_rgb, out)
    share_equals(out)
    typer.echo(f"Wrote {', '.join(networks)} to {out}.")


@contextmanager
def _beside(models: list[str], given: list[str], work: Path) -> Iterator[None]:
    """While inside, another process trains ``models``; waits for it at the end."""
    log, chosen = work / "unets.log", [part for model in models for part in ("--only", model)]
    command = [sys.executable, "-m", "deployments.demo.training", *given, *chosen, "--out", str(work / "unets")]
    typer.echo(f"{', '.join(models)}: trained beside, see {log}")
    with log.open("w") as told, subprocess.Popen(command, stdout=told, stderr=told) as process:
        try:
            yield
        except BaseException:
            process.terminate()
            raise
        typer.echo(f"waiting for {', '.join(models)}")
        if process.wait():
            raise typer.BadParameter(f"{', '.join(models)} could not be trained; {log} says why")


@dataclass(frozen=True)
class _Trainer:
    """Runs stages in one folder, on one device."""

    work: Path
    device: torch.device
    share: float

    def __call__(self, stage: Stage) -> None:
        stage.steps = max(2, round(stage.steps * self.share))
        run(stage, self.work, self.device)


def _world(train: _Trainer) -> tuple[Shared, LatentLibrary]:
    """What all models share: the autoencoder, the text encoders, and the pictures to learn from."""
    torch.manual_seed(SEED)
    shared = Shared.untrained()
    train(AutoencoderStage(shared.vae, train.device))
    normalise(shared.vae, paintings(512, [SEED, 10]).to(train.device))
    train(TextStage(shared, train.device))
    return shared, LatentLibrary(shared.vae, train.work / "latents", train.device, train.share)


def _denoisers(models: list[str], shared: Shared, library: LatentLibrary, train: _Trainer) -> dict[str, Any]:
    device = train.device
    trained: dict[str, Any] = {}
    for model, stage in UNETS.items():
        if model in models:
            trained[model] = _untrained(model)
            train(stage(model, shared, trained[model], library, device))
    if not {"flux-dev", "flux-schnell"} & set(models):
        return trained
    base, guided = _untrained("flux-dev"), _untrained("flux-dev")
    train(FlowBaseStage("flux-dev", shared, base, library, device))
    start_guided(guided, base)
    train(FlowGuidanceStage("flux-dev", shared, guided, library, device, teacher=base))
    if "flux-dev" in models:
        trained["flux-dev"] = guided
    if "flux-schnell" in models:
        few = _untrained("flux-schnell")
        start_few_steps(few, guided)
        train(FlowFewStepsStage("flux-schnell", shared, few, library, device, teacher=guided))
        trained["flux-schnell"] = few
    return trained


def _untrained(model: str) -> Any:
    torch.manual_seed(SEED)
    return denoiser(model)


if __name__ == "__main__":
    typer.run(train)

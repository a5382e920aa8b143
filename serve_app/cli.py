"""``darkroom``: the command line. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from deployments.catalog import CATALOG, MAIN_MODELS
from deployments.engine.request import MAX_IMAGES, MAX_SEED
from serve_app import settings
from serve_app.jobs.job import JobStatus
from serve_app.terminal import arguments, keys
from serve_app.terminal.client import ServiceClient, ServiceError, ServiceUnreachable
from serve_app.terminal.develop import FORMATS, develop, name_from, paths_for, save
from serve_app.terminal.display import failure
from serve_app.terminal.signals import interrupts_raised
from serve_app.terminal.tables import jobs_table, models_table, print_table

app = typer.Typer(
    name="darkroom",
    help="Serve image models on Ray, and develop pictures with them. Start with `darkroom serve --demo`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(keys.app)

Url = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="The service.", show_default="$DARKROOM_URL, else http://127.0.0.1:8000"),
]
Json = Annotated[bool, typer.Option("--json", help="Print the service's own JSON, for programs.")]

DEMO_PICTURE = Path("demo.png")

_KEY_HINT = (
    f"set {settings.KEY_VARIABLE} to a valid key of this service: whoever runs it makes one with `darkroom keys create`"
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"darkroom {version('darkroom')}")
        raise typer.Exit


@app.callback()
def darkroom(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Serve image models on Ray, and develop pictures with them. Start with `darkroom serve --demo`."""


@app.command()
def serve(
    *,
    demo: Annotated[
        bool, typer.Option("--demo", help="Small built-in weights, on the CPU; develops a first picture, demo.png.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A Serve config file, as config/gpu.yaml; the one that `serve run` takes."),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.", show_default="8000")] = None,
    models: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help=f"Which models, of {', '.join(CATALOG)}.",
            show_default="all; without --demo as many as there are GPUs",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Database and images.", show_default="$DARKROOM_DATA, else ./darkroom-data"
        ),
    ] = None,
) -> None:
    """Serve until Ctrl-C, on a Ray cluster of its own that ends with it.

    Without --demo and --config, each model gets its published weights and a GPU to itself.
    """
    from serve_app import launch
    from serve_app.terminal import plan, serving

    if config is not None and (demo or models is not None):
        raise typer.BadParameter("--config names its own models and weights: leave out --demo and --models")
    try:
        if config is not None:
            deployed = settings.load_config(config, data)
            plan.refuse_too_few_gpus(deployed, launch.visible_gpus())
        else:
            folder = data.expanduser().absolute() if data is not None else settings.data_folder()
            chosen = arguments.models(models)
            deployed = plan.local_config(
                settings.demo_args(folder, chosen or MAIN_MODELS)
                if demo
                else plan.one_gpu_each(folder, chosen, launch.visible_gpus())
            )
        picture = DEMO_PICTURE if demo else None
        chosen_plan = plan.Plan.of(deployed, host=host, port=port, picture=picture, file=config)
        serving.serve(chosen_plan, launch, Console(), api_key=settings.api_key())
    except (settings.ConfigInvalid, plan.Unservable) as error:
        raise failure(str(error), 2) from error
    except serving.ServeFailed as error:
        raise failure(str(error)) from error
    except KeyboardInterrupt:
        raise failure("interrupted before the service was ready", 130) from None


@app.command()
def generate(
    prompt: Annotated[str, typer.Argument(help="What to paint.")],
    *,
    model: Annotated[
        str | None, typer.Option(help="A model's id or alias.", show_default="the service's first")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Denoising steps.", show_default="the model's")] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="As 768x512, or 512 for a square.", show_default="the model's")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=MAX_SEED, help="The same seed, the same picture.")] = None,
    guidance: Annotated[float | None, typer.Option(min=0, max=100, help="How closely to follow the prompt.")] = None,
    sampler: Annotated[
        str | None, typer.Option(help="By name, as `darkroom models --json` lists them.", show_default="the model's")
    ] = None,
    negative: Annotated[str | None, typer.Option(metavar="PROMPT", help="What to keep away from.")] = None,
    image: Annotated[Path | None, typer.Option(metavar="FILE", help="A picture to start from.")] = None,
    mask: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --image: repaint only where this is white.")
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="With --image: how much of it to repaint.", show_default="0.75, under a mask 1"
        ),
    ] = None,
    control: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A picture of edges, depth, … that a ControlNet follows.")
    ] = None,
    controlnet: Annotated[
        str | None, typer.Option(help="With --control: which one.", show_default="the model's first")
    ] = None,
    control_scale: Annotated[
        float | None, typer.Option(min=0, max=10, help="With --control: how strongly it acts.", show_default="1")
    ] = None,
    format: Annotated[
        Literal["png", "jpeg", "webp"] | None, typer.Option(show_default="as the name of -o says, else png")
    ] = None,
    n: Annotated[
        int, typer.Option("-n", min=1, max=MAX_IMAGES, help="How many pictures; they use seed, seed+1, …")
    ] = 1,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Overwritten if it is there; with -n, FILE-0, FILE-1, …",
            show_default="a free name made of the prompt",
        ),
    ] = None,
    url: Url = None,
) -> None:
    """Develop pictures on a running service and write them to files. Ctrl-C cancels the job."""
    asked = {
        "model": model,
        "steps": steps,
        "seed": seed,
        "guidance": guidance,
        "negative_prompt": negative,
        "sampler": sampler,
        "image": arguments.content(image, "--image"),
        "mask": arguments.content(mask, "--mask"),
        "strength": strength,
        "control_image": arguments.content(control, "--control"),
        "controlnet": controlnet,
        "control_scale": control_scale,
    }
    if image is None and (mask is not None or strength is not None):
        raise typer.BadParameter("needs --image", param_hint="--mask" if mask else "--strength")
    if control is None and (controlnet is not None or control_scale is not None):
        raise typer.BadParameter("needs --control", param_hint="--controlnet" if controlnet else "--control-scale")
    kind = format or (FORMATS.get(output.suffix.lower(), "png") if output else "png")
    body: dict[str, Any] = {
        "prompt": prompt,
        "n": n,
        "format": kind,
        **{name: value for name, value in asked.items() if value is not None},
        **arguments.sides(size),
    }
    if guidance is not None and math.isnan(guidance):
        raise typer.BadParameter("nan is no number", param_hint="--guidance")
    if output is not None and output.is_dir():
        raise typer.BadParameter(f"{output} is a folder: name a file", param_hint="-o")
    if output is not None and not output.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {output.absolute().parent}", param_hint="-o")
    with _service(url) as service:
        images = develop(service, body, Console(stderr=True))
        names = paths_for(output or name_from(prompt, kind), len(images))
        for made, name in zip(images, names, strict=True):
            written = save(service.image(made["url"]), name, overwrite=output is not None)
            typer.echo(f"{written}  (seed {made['seed']})")


@app.command(name="models")
def list_models(url: Url = None, as_json: Json = False) -> None:
    """Show the models that a service has, and what they can do."""
    with _service(url) as service:
        told = service.models()
    if as_json:
        return _print_json(told)
    print_table(models_table(told))


@app.command()
def jobs(
    *,
    status: Annotated[JobStatus | None, typer.Option(help="Only jobs in this state.")] = None,
    model: Annotated[str | None, typer.Option(help="Only this model's jobs.")] = None,
    text: Annotated[str | None, typer.Option(help="Only jobs whose prompt has this in it.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many, newest first.")] = 20,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Show a service's jobs, newest first."""
    with _service(url) as service:
        told = service.jobs(status=status.value if status else None, model=model, text=text, limit=limit)
    if as_json:
        return _print_json(told)
    print_table(jobs_table(told))


@app.command()
def cancel(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The job.")], url: Url = None, as_json: Json = False
) -> None:
    """Cancel a job. A job that had ended before keeps its state, which is shown."""
    with _service(url) as service:
        told = service.cancel(job_id)
    if as_json:
        return _print_json(told)
    typer.echo(f"{told['job_id']}: {told['status']}")


@contextmanager
def _service(url: str | None) -> Iterator[ServiceClient]:
    """A client of the service; what goes wrong inside ends the command with a message."""
    try:
        address = url or settings.service_url()
        with interrupts_raised(), ServiceClient(address, api_key=settings.api_key()) as service:
            yield service
    except settings.ConfigInvalid as error:
        raise failure(str(error), 2) from error
    except ServiceUnreachable as error:
        raise failure(f"{error.message}; start one with `darkroom serve --demo`") from error
    except ServiceError as error:
        hint = f"; {_KEY_HINT}" if error.status == 401 else ""
        raise failure(f"{error.code}: {error.message}{hint}") from error
    except OSError as error:
        raise failure(str(error)) from error
    except KeyboardInterrupt:
        raise failure("interrupted", 130) from None


def _print_json(told: dict[str, Any]) -> None:
    typer.echo(json.dumps(told, indent=2, ensure_ascii=False))

"""What the command line shows while it waits: bars on a terminal, plain lines everywhere else.

Each display is a context manager that yields a function to feed it; on a console that is no terminal (CI, a pipe) a
line is printed only when something has changed.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from serve_app.terminal.client import StreamEvent

ShowEvent = Callable[[StreamEvent], None]
ShowStates = Callable[[Mapping[str, str]], None]

READY = "ready"
"""The state of a model that can serve, as ``/health/ready`` names it."""


def say(console: Console, text: str) -> None:
    """Print ``text`` as it is: not wrapped, not coloured, its brackets no markup."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def failure(message: str, code: int = 1) -> typer.Exit:
    """Tell ``message`` on stderr; the exit to raise."""
    say(Console(stderr=True), f"darkroom: {message}")
    return typer.Exit(code)


def job_display(console: Console) -> AbstractContextManager[ShowEvent]:
    """Shows one job's stream: a bar for each of its images, or lines at each quarter of the way."""
    return _job_bars(console) if console.is_terminal else _job_lines(console)


def models_display(console: Console, models: tuple[str, ...]) -> AbstractContextManager[ShowStates]:
    """Shows models that load, one row each: feed it ``{model: state}``."""
    return _model_rows(console, models) if console.is_terminal else _model_lines(console)


@contextmanager
def _job_bars(console: Console) -> Iterator[ShowEvent]:
    columns = (
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bars: dict[int, TaskID] = {0: progress.add_task("submitted", total=None)}

        def show(event: StreamEvent) -> None:
            if event["event"] in {"progress", "preview"}:
                index = event.get("index", 0)
                if index not in bars:
                    bars[index] = progress.add_task("", total=None)
                which = f"image {index} " if "index" in event else ""
                progress.update(
                    bars[index], description=f"{which}developing", completed=event["step"], total=event["total"]
                )
            elif event["event"] == "complete":
                for index, bar in bars.items():
                    progress.update(bar, description=f"image {index} developed" if len(bars) > 1 else "developed")
            elif text := _words(event):
                progress.update(bars[0], description=escape(text))

        yield show


@contextmanager
def _job_lines(console: Console) -> Iterator[ShowEvent]:
    quarters: dict[int, int] = {}

    def show(event: StreamEvent) -> None:
        if event["event"] == "progress":
            index, step, total = event.get("index", 0), event["step"], event["total"]
            if (quarter := 4 * step // total) > quarters.get(index, 0):
                quarters[index] = quarter
                which = f"image {index}: " if "index" in event else ""
                say(console, f"{which}step {step} of {total}")
        elif text := _words(event):
            say(console, text)

    yield show


def _words(event: StreamEvent) -> str | None:
    match event["event"]:
        case "queued":
            eta = event.get("eta_s")
            return f"queued, position {event['position']}" + (f", about {eta:.0f} s" if eta is not None else "")
        case "started":
            return "started"
        case "restarted":
            return f"restarted: {event.get('reason', 'the replica was lost')}"
        case _:
            return None


@contextmanager
def _model_rows(console: Console, models: tuple[str, ...]) -> Iterator[ShowStates]:
    columns = (
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description}"),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        rows = {model: progress.add_task(model, total=1, state="starting") for model in models}

        def show(states: Mapping[str, str]) -> None:
            for model, row in rows.items():
                if state := states.get(model):
                    progress.update(row, state=escape(state), completed=int(state == READY))

        yield show


@contextmanager
def _model_lines(console: Console) -> Iterator[ShowStates]:
    told: dict[str, str] = {}

    def show(states: Mapping[str, str]) -> None:
        for model, state in states.items():
            if told.get(model) != state:
                say(console, f"{model}: {state}")
                told[model] = state

    yield show

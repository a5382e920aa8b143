"""``darkroom serve``: from nothing to a running service with pictures, and back to nothing when it is stopped."""

import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from pydantic import ValidationError
from ray.exceptions import RayError
from rich.console import Console

from serve_app.autoscaling import MODEL_PREFIX
from serve_app.launch import DeployFailed
from serve_app.settings import findings
from serve_app.terminal.client import ServiceClient, ServiceError, is_loopback
from serve_app.terminal.develop import develop, save
from serve_app.terminal.display import READY, ShowStates, models_display, say
from serve_app.terminal.plan import Plan
from serve_app.terminal.signals import interrupts_ignored, interrupts_raised

POLL_S: Final = 0.2
FAILED: Final = "failed"
READY_WITHIN_S: Final = 60.0
"""The Router hears of a replica that has loaded within a second or two."""
PICTURE: Final = {"operation": "image_generation", "prompt": "a beautiful sunset over mountains", "steps": 20}
"""The first picture of a demo."""


class ServeFailed(Exception):
    """The service can't be brought up; the message says why and what to do next."""


class Cluster(Protocol):
    """A Ray cluster with Serve on it: :mod:`serve_app.launch`, or a fake."""

    def start_ray(self) -> Path:
        """Start it; the folder of its logs."""
        ...

    def deploy(self, config: Mapping[str, Any], *, watch: Callable[[Mapping[str, str]], None]) -> None:
        """Deploy and wait until it runs; raises :class:`~serve_app.launch.DeployFailed`."""
        ...

    def stop(self) -> None:
        """Stop all that was started."""
        ...


def serve(
    plan: Plan, cluster: Cluster, console: Console, *, api_key: str | None = None, watch_every_s: float = 2.0
) -> None:
    """Start Ray, deploy ``plan``, and serve until SIGINT or SIGTERM; then stop everything that was started.

    ``api_key`` is for the first picture, should the database have keys already. While it serves, it asks every
    ``watch_every_s`` seconds how the models stand, and tells what has changed.

    Raises:
        ServeFailed: it did not come up.
        KeyboardInterrupt: stopped before it was ready.
    """
    _refuse_taken_port(plan.host, plan.port)
    if plan.data is not None:
        _make_folder(plan.data)
    try:
        logs = _start_ray(cluster, console)
        # only now: Ray has just put its own handler of SIGTERM in place
        with interrupts_raised(), ServiceClient(plan.url, api_key=api_key) as service:
            _load(plan, cluster, service, logs, console)
            if plan.picture is not None:
                _first_picture(service, plan.models[0], plan.picture, console)
            _introduce(plan, logs, console)
            _watch(service, plan.models, console, watch_every_s)
    finally:
        with interrupts_ignored():  # a second Ctrl-C must not leave processes behind
            cluster.stop()


def _start_ray(cluster: Cluster, console: Console) -> Path:
    try:
        if not console.is_terminal:
            say(console, "Starting Ray")
        with console.status("Starting Ray"):  # nothing where there is no terminal
            return cluster.start_ray()
    except (RuntimeError, OSError, ValueError) as error:
        raise ServeFailed(
            f"Ray does not start: {_last_line(str(error))}\n"
            "Look into /tmp/ray/session_latest/logs, and for free memory and free space in /tmp and /dev/shm."
        ) from error


def _load(plan: Plan, cluster: Cluster, service: ServiceClient, logs: Path, console: Console) -> None:
    """Deploy, and wait until every model can serve."""
    states: dict[str, str] = {}
    try:
        with models_display(console, plan.models) as show:

            def watch(deployments: Mapping[str, str]) -> None:
                states.update(_model_states(deployments))
                show(states)

            cluster.deploy(plan.config, watch=watch)
            _wait_until_ready(service, show)
    except ValidationError as error:
        raise ServeFailed("the config is no valid Serve config:\n" + "\n".join(findings(error))) from error
    except (DeployFailed, TimeoutError, RayError) as error:
        failed = ", ".join(model for model, state in states.items() if state == FAILED)
        blamed = f"{failed} can't be loaded: " if failed else ""
        raise ServeFailed(f"{blamed}{_last_line(str(error))}\nThe whole story is in {logs / 'serve'}.") from error


def _wait_until_ready(service: ServiceClient, show: ShowStates) -> None:
    """The Router's own view. Its word for what is not ready yet would only take back what Serve has told of it."""
    deadline = time.monotonic() + READY_WITHIN_S
    while set((told := service.readiness() or {}).values()) != {READY}:
        show({model: state for model, state in told.items() if state == READY})
        if time.monotonic() > deadline:
            raise TimeoutError(f"deployed, but not ready after {READY_WITHIN_S:g} s: {told or 'no answer'}")
        time.sleep(POLL_S)
    show(told)


def _refuse_taken_port(host: str, port: int) -> None:
    """Raises ServeFailed if something listens at ``host``:``port`` already, or ``host`` is none of this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a lingering TIME_WAIT is no use
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServeFailed(
                f"can't listen on {host}:{port} ({error.strerror}): stop what listens there, or choose another address "
                f"with --host and --port, for example `--port {port + 1}`"
            ) from error


def _make_folder(data: Path) -> None:
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServeFailed(f"can't keep data in {data} ({error.strerror}): choose another folder with --data") from error


def _model_states(deployments: Mapping[str, str]) -> dict[str, str]:
    """Serve's words for the deployments of models: a healthy one has loaded, but the service may not know it yet."""
    words = {"HEALTHY": "loaded", "UPDATING": "loading", "DEPLOY_FAILED": FAILED, "UNHEALTHY": FAILED}
    return {
        name.removeprefix(MODEL_PREFIX): words.get(state, state.lower())
        for name, state in deployments.items()
        if name.startswith(MODEL_PREFIX)
    }


def _first_picture(service: ServiceClient, model: str, path: Path, console: Console) -> None:
    try:
        images = develop(service, {**PICTURE, "model": model}, console)
        save(service.image(images[0]["url"]), path, overwrite=True)
    except ServiceError as error:
        if error.status in {401, 403}:
            say(console, f"No first picture: {error.message}")
            return
        raise ServeFailed(f"the first picture failed: {error.code}: {error.message}") from error
    except OSError as error:
        say(console, f"The first picture can't be written: {error}")
    else:
        say(console, f"The first picture is in {path}")


def _introduce(plan: Plan, logs: Path, console: Console) -> None:
    say(
        console,
        f"""
Darkroom serves {", ".join(plan.models)}
  API    {plan.url}/v1/jobs, {plan.url}/v1/images/generations
  Docs   {plan.url}/docs
  Logs   {logs}
Try      curl {plan.url}/txt2img -H 'Content-Type: application/json' -H 'Accept: image/png' \\
           -d '{{"prompt": "a red circle", "steps": 20}}' -o circle.png
or       darkroom generate "a red circle" --url {plan.url}
Ctrl-C stops it.""",
    )
    if not is_loopback(plan.host):
        say(console, f"Note: {plan.host} is no loopback address. {_who_may_come(plan)}")


def _who_may_come(plan: Plan) -> str:
    if plan.allow_anonymous:
        return "With `allow_anonymous`, whoever reaches it can use this service."
    return f"Other machines need an API key, which this makes:\n  {plan.keys_command}"


def _watch(service: ServiceClient, models: tuple[str, ...], console: Console, every_s: float) -> None:
    """Tell when a model stops or starts to serve again, until KeyboardInterrupt, which here is the asked-for end."""
    told = dict.fromkeys(models, READY)
    try:
        while True:
            time.sleep(every_s)
            states = service.readiness() or dict.fromkeys(models, "no answer")
            for model, state in states.items():
                if told.get(model) != state:
                    say(console, f"{model}: {state}")
            told = states
    except KeyboardInterrupt:
        say(console, "Stopping. Jobs that are not finished go on at the next start.")


def _last_line(text: str) -> str:
    """The last line of ``text`` that says something: of a traceback, the error itself."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"

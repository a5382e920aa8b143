"""``darkroom serve``: its course over a scripted cluster, and what it refuses before anything is started."""

import io
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from deployments.catalog import MAIN_MODELS
from serve_app.api.app import create_api
from serve_app.cli import app
from serve_app.jobs.events import Error
from serve_app.launch import DeployFailed
from serve_app.settings import ApiSettings, AppArgs, demo_args
from serve_app.terminal.plan import Plan, Unservable, local_config, one_gpu_each, refuse_too_few_gpus
from serve_app.terminal.serving import ServeFailed, serve
from tests.unit.serve_app.scripted_service import IMAGE, ScriptedBackend, developing, listening


class ScriptedCluster:
    """Deploys the scripted service where the config says, or fails as told."""

    def __init__(
        self, backend: ScriptedBackend, *, start_fails: Exception | None = None, deploy_fails: Exception | None = None
    ) -> None:
        self._backend = backend
        self._start_fails = start_fails
        self._deploy_fails = deploy_fails
        self._running = ExitStack()
        self.started = False
        self.stopped = False

    def start_ray(self) -> Path:
        self.started = True
        if self._start_fails:
            raise self._start_fails
        return Path("/logs")

    def deploy(self, config: Mapping[str, Any], *, watch: Callable[[Mapping[str, str]], None]) -> None:
        watch({"Ingress": "HEALTHY", "model-sd15": "UPDATING"})
        if self._deploy_fails:
            watch({"Ingress": "HEALTHY", "model-sd15": "DEPLOY_FAILED"})
            raise self._deploy_fails
        watch({"Ingress": "HEALTHY", "model-sd15": "HEALTHY"})
        self._running.enter_context(listening(create_api(self._backend, ApiSettings()), **config["http_options"]))

    def stop(self) -> None:
        self._running.close()
        self.stopped = True


class InterruptedBackend(ScriptedBackend):
    """When its states have all been asked for, the process gets ``number``."""

    def __init__(self, *, number: signal.Signals = signal.SIGINT, states: list[Any], **script: Any) -> None:
        super().__init__(states=states, **script)
        self._number = number

    async def models(self) -> list[Any]:
        if len(self._states) == 1:
            os.kill(os.getpid(), self._number)
        return await super().models()


def demo_plan(folder: Path, **options: Any) -> Plan:
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return Plan.of(local_config(demo_args(folder, ("sd15",))), port=port, **options)


def lines_of(plan: Plan, cluster: ScriptedCluster, *, api_key: str | None = None) -> list[str]:
    console = Console(file=io.StringIO())
    serve(plan, cluster, console, api_key=api_key, watch_every_s=0.01)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_it_loads_develops_a_picture_tells_where_it_serves_and_stops_on_a_signal(
    tmp_path: Path, number: signal.Signals
) -> None:
    picture = tmp_path / "demo.png"
    plan = demo_plan(tmp_path, picture=picture)
    backend = InterruptedBackend(number=number, script=developing(), states=["starting", "ready", "ready"])
    cluster = ScriptedCluster(backend)

    lines = lines_of(plan, cluster)

    assert picture.read_bytes() == IMAGE
    assert lines[:4] == ["Starting Ray", "sd15: loading", "sd15: loaded", "sd15: ready"]
    told = "\n".join(lines[4:])
    assert f"The first picture is in {picture}" in told
    assert f"{plan.url}/docs" in told
    assert f"curl {plan.url}/txt2img" in told
    assert "/logs" in told
    assert lines[-1].startswith("Stopping")
    assert cluster.stopped


def test_a_model_that_stops_serving_later_is_told(tmp_path: Path) -> None:
    backend = InterruptedBackend(states=["ready", "ready", "unavailable", "ready", "ready"])

    lines = lines_of(demo_plan(tmp_path), ScriptedCluster(backend))

    assert [line for line in lines if line.startswith("sd15: ")][-2:] == ["sd15: unavailable", "sd15: ready"]


def test_an_interrupt_while_the_models_load_stops_everything(tmp_path: Path) -> None:
    cluster = ScriptedCluster(InterruptedBackend(states=["starting"]))

    with pytest.raises(KeyboardInterrupt):
        lines_of(demo_plan(tmp_path), cluster)

    assert cluster.stopped


def test_a_port_in_use_is_told_before_anything_is_started(tmp_path: Path) -> None:
    cluster = ScriptedCluster(ScriptedBackend())
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        plan = Plan.of(local_config(demo_args(tmp_path)), port=taken.getsockname()[1])
        with pytest.raises(ServeFailed, match=r"Address already in use.*--port"):
            lines_of(plan, cluster)

    assert not cluster.started


def test_a_data_folder_that_can_not_be_made_is_told_before_anything_is_started(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cluster = ScriptedCluster(ScriptedBackend())

    with pytest.raises(ServeFailed, match=r"file/data .*Not a directory.*--data"):
        lines_of(demo_plan(tmp_path / "file" / "data"), cluster)

    assert not cluster.started


def test_a_ray_that_does_not_start_is_told_in_its_own_last_words(tmp_path: Path) -> None:
    cluster = ScriptedCluster(ScriptedBackend(), start_fails=RuntimeError("Traceback:\n  File x\nThe node died."))

    with pytest.raises(ServeFailed, match=r"Ray does not start: The node died\."):
        lines_of(demo_plan(tmp_path), cluster)

    assert cluster.stopped


def test_a_model_that_fails_to_load_is_told_with_the_place_of_the_logs(tmp_path: Path) -> None:
    failure = DeployFailed("application darkroom: Traceback:\n  File x\nOSError: no such weights")
    cluster = ScriptedCluster(ScriptedBackend(), deploy_fails=failure)

    with pytest.raises(ServeFailed, match=r"(?s)^sd15 can't be loaded: OSError: no such weights\n.*/logs/serve"):
        lines_of(demo_plan(tmp_path), cluster)

    assert cluster.stopped


def test_a_first_picture_that_fails_ends_the_demo(tmp_path: Path) -> None:
    cluster = ScriptedCluster(ScriptedBackend([Error("out_of_memory", "too large")]))

    with pytest.raises(ServeFailed, match="out_of_memory: too large"):
        lines_of(demo_plan(tmp_path, picture=tmp_path / "demo.png"), cluster)

    assert cluster.stopped


def test_without_a_key_for_a_database_that_has_some_there_is_no_first_picture_and_it_serves(tmp_path: Path) -> None:
    backend = InterruptedBackend(script=developing(), states=["ready", "ready"], keys=["dk_mine"])

    lines = lines_of(demo_plan(tmp_path, picture=tmp_path / "demo.png"), ScriptedCluster(backend))

    assert [line for line in lines if line.startswith("No first picture")] == ["No first picture: a key is needed here"]
    assert lines[-1].startswith("Stopping")
    assert not (tmp_path / "demo.png").exists()


def test_with_the_key_there_is_one(tmp_path: Path) -> None:
    backend = InterruptedBackend(script=developing(), states=["ready", "ready"], keys=["dk_mine"])

    lines_of(demo_plan(tmp_path, picture=tmp_path / "demo.png"), ScriptedCluster(backend), api_key="dk_mine")

    assert (tmp_path / "demo.png").read_bytes() == IMAGE


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_where_others_reach_it_it_tells_how_to_let_them_in(tmp_path: Path, host: str) -> None:
    data = tmp_path / "my data"
    backend = InterruptedBackend(states=["ready", "ready"])

    told = "\n".join(lines_of(demo_plan(data, host=host), ScriptedCluster(backend)))

    assert (f"darkroom keys create NAME --data '{data}'" in told) == (host == "0.0.0.0")


def test_where_nobody_needs_a_key_it_says_so(tmp_path: Path) -> None:
    args = demo_args(tmp_path, ("sd15",)).model_copy(update={"allow_anonymous": True})
    plan = Plan.of(local_config(args), host="0.0.0.0", port=demo_plan(tmp_path).port)
    backend = InterruptedBackend(states=["ready", "ready"])

    told = "\n".join(lines_of(plan, ScriptedCluster(backend)))

    assert "whoever reaches it can use this service" in told
    assert "keys create" not in told


def test_the_keys_of_a_database_elsewhere_are_made_by_its_config(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    args = AppArgs(database="postgresql+asyncpg://db/darkroom", blobs="s3://bucket")
    assert Plan.of(local_config(args), file=file).keys_command == f"darkroom keys create NAME --config {file}"


def test_host_and_port_go_before_the_configs_and_those_before_the_defaults(tmp_path: Path) -> None:
    config = local_config(demo_args(tmp_path))
    configured = {**config, "http_options": {"host": "0.0.0.0", "port": 9000, "request_timeout_s": 5}}

    assert Plan.of(config).url == "http://127.0.0.1:8000"
    assert Plan.of(configured).url == "http://127.0.0.1:9000"  # as this machine reaches it
    overruled = Plan.of(configured, host="::1", port=9001)
    assert overruled.url == "http://[::1]:9001"
    assert overruled.config["http_options"] == {"host": "::1", "port": 9001, "request_timeout_s": 5}


def test_the_local_config_says_the_args_again(tmp_path: Path) -> None:
    args = demo_args(tmp_path, ("sdxl", "sd15"))
    (application,) = local_config(args)["applications"]

    assert AppArgs.model_validate(application["args"]) == args
    assert Plan.of(local_config(args)).models == ("sdxl", "sd15")


def test_each_model_gets_a_gpu_and_without_a_choice_the_first_models_get_those_there_are(tmp_path: Path) -> None:
    first, second, *_ = MAIN_MODELS
    assert [(model.id, model.num_gpus) for model in one_gpu_each(tmp_path, (), 2).models] == [(first, 1), (second, 1)]
    assert [model.id for model in one_gpu_each(tmp_path, ("flux-dev",), 1).models] == ["flux-dev"]
    with pytest.raises(Unservable, match="2 models need a GPU each, and there are 1"):
        one_gpu_each(tmp_path, ("sd15", "sdxl"), 1)
    with pytest.raises(Unservable, match="darkroom serve --demo"):
        one_gpu_each(tmp_path, (), 0)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--demo", "--models", "sd15,nobody"), "nobody"),
        (("--demo", "--config", "x.yaml"), "--config"),
        (("--config", "/nowhere/x.yaml"), "/nowhere/x.yaml"),
        (("--port", "70000"), "--port"),
    ],
)
def test_wrong_usage_exits_2_and_names_what_is_wrong(arguments: tuple[str, ...], told: str) -> None:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["serve", *arguments])

    assert result.exit_code == 2
    assert told in result.stderr


def test_a_config_that_wants_more_gpus_than_there_are_is_refused_before_anything_starts(tmp_path: Path) -> None:
    model = {"id": "sd15", "num_gpus": 1, "min_replicas": 2, "max_replicas": 2}
    config = local_config(AppArgs.model_validate({"data": str(tmp_path), "models": [model]}))
    with pytest.raises(Unservable, match="no GPU"):
        refuse_too_few_gpus(config, 0)
    with pytest.raises(Unservable, match="want 2 GPUs, and there are 1"):
        refuse_too_few_gpus(config, 1)
    refuse_too_few_gpus(config, 2)

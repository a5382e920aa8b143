"""The graph that `build` binds: who is there, and that nobody runs on Serve's defaults."""

from pathlib import Path
from typing import Any

import pytest
from ray.serve._private.build_app import build_app

from deployments.served import LoadEngine
from serve_app.app import build, load_engine, refuse_local_storage
from serve_app.settings import AppArgs, IngressSettings, LogSettings, ModelSettings, demo_args

DATA = Path("/var/lib/darkroom")


def deployments(args: AppArgs) -> dict[str, Any]:
    return {deployment.name: deployment for deployment in build_app(build(args), name="darkroom").deployments}


def one_model(**fields: Any) -> AppArgs:
    return AppArgs(data=DATA, models=(ModelSettings(id="sdxl", **fields),))


def test_the_graph_is_the_ingress_the_router_and_a_deployment_for_each_model() -> None:
    assert set(deployments(demo_args(DATA))) == {
        "Ingress",
        "Router",
        "model-sd15",
        "model-sdxl",
        "model-flux-dev",
        "model-flux-schnell",
    }


def test_the_ingress_is_the_ingress() -> None:
    assert build_app(build(demo_args(DATA)), name="darkroom").ingress_deployment_name == "Ingress"


def test_the_demo_reserves_nothing_so_that_it_starts_on_any_machine() -> None:
    for deployment in deployments(demo_args(DATA)).values():
        assert deployment.ray_actor_options["num_cpus"] == 0
        assert not deployment.ray_actor_options.get("num_gpus")


@pytest.mark.parametrize("name", ["Ingress", "Router"])
def test_thousands_of_open_streams_fit(name: str) -> None:
    assert deployments(demo_args(DATA))[name].max_ongoing_requests >= 1000


def test_a_replica_takes_its_batch_the_prefetch_and_the_heartbeat() -> None:
    replica = deployments(one_model(max_batch=8, prefetch=2))["model-sdxl"]
    assert 8 + 2 < replica.max_ongoing_requests <= 8 + 2 + 8


def test_a_model_gets_the_resources_and_bounds_of_its_settings() -> None:
    args = one_model(
        num_gpus=1,
        min_replicas=1,
        max_replicas=4,
        upscale_delay_s=7,
        downscale_delay_s=70,
        ray_actor_options={"accelerator_type": "H100"},
    )
    replica = deployments(args)["model-sdxl"]
    assert replica.ray_actor_options["num_gpus"] == 1
    assert replica.ray_actor_options["accelerator_type"] == "H100"
    scaling = replica._deployment_config.autoscaling_config
    assert (scaling.min_replicas, scaling.max_replicas) == (1, 4)
    assert (scaling.upscale_delay_s, scaling.downscale_delay_s) == (7, 70)


def test_only_a_model_with_loras_is_routed_by_them() -> None:
    with_loras = ModelSettings(id="sd15", loras=DATA / "loras", max_batch=6)
    graph = deployments(AppArgs(data=DATA, models=(with_loras, ModelSettings(id="sdxl"))))
    routing = {name: graph[name]._deployment_config.request_router_config for name in ("model-sd15", "model-sdxl")}
    assert routing["model-sd15"].get_request_router_class().__name__ == "LoraRequestRouter"
    assert routing["model-sd15"].request_router_kwargs == {"room": 6}
    assert routing["model-sdxl"].is_default_request_router()


def test_there_is_one_router_and_it_reports_to_the_autoscaler() -> None:
    scaling = deployments(demo_args(DATA))["Router"]._deployment_config.autoscaling_config
    assert (scaling.min_replicas, scaling.max_replicas) == (1, 1)
    assert scaling.look_back_period_s > scaling.metrics_interval_s


def test_the_ingress_has_the_bounds_of_its_settings() -> None:
    args = demo_args(DATA).model_copy(update={"ingress": IngressSettings(min_replicas=2, max_replicas=5)})
    scaling = deployments(args)["Ingress"]._deployment_config.autoscaling_config
    assert (scaling.min_replicas, scaling.max_replicas) == (2, 5)


@pytest.mark.parametrize(
    ("settings", "threads"), [({}, None), ({"num_cpus": 4}, 4), ({"num_cpus": 4, "torch_threads": 2}, 2)]
)
def test_torch_uses_the_threads_of_the_settings_else_the_reserved_cpus_else_all(
    settings: dict[str, Any], threads: int | None
) -> None:
    factory = load_engine(ModelSettings(id="sd15", **settings))
    assert isinstance(factory, LoadEngine)
    assert factory.threads == threads


def test_a_local_folder_is_refused_on_a_cluster_of_several_nodes() -> None:
    refuse_local_storage(demo_args(DATA), nodes=1)
    with pytest.raises(ValueError, match="2 nodes"):
        refuse_local_storage(demo_args(DATA), nodes=2)


def test_shared_storage_serves_a_cluster_of_several_nodes() -> None:
    shared = AppArgs(database="postgresql+asyncpg://db/darkroom", blobs="s3://bucket/darkroom")
    refuse_local_storage(shared, nodes=8)
    with pytest.raises(ValueError, match="file:///var/lib/darkroom/images"):
        refuse_local_storage(AppArgs(data=DATA, database=shared.database), nodes=2)


@pytest.mark.parametrize(("format", "encoding"), [("json", "JSON"), ("text", "TEXT")])
def test_every_process_logs_in_the_form_and_from_the_level_of_the_settings(format: str, encoding: str) -> None:
    args = demo_args(DATA).model_copy(update={"logs": LogSettings(format=format, level="DEBUG")})  # type: ignore[arg-type]
    for name, deployment in deployments(args).items():
        logging = deployment._deployment_config.logging_config
        assert (logging["encoding"], logging["log_level"]) == (encoding, "DEBUG"), name


def test_only_what_clients_ask_is_a_line_of_an_access_log() -> None:
    graph = deployments(demo_args(DATA))
    logged = {name for name, one in graph.items() if one._deployment_config.logging_config["enable_access_log"]}
    assert logged == {"Ingress"}

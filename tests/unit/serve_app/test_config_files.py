"""The shipped configuration files are valid: against Ray's own schemas, and against ours for `args`."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.serve.schema import ServeDeploySchema

from deployments.catalog import DEMO_WEIGHTS, MAIN_MODELS
from serve_app.autoscaling import BacklogPolicy
from serve_app.settings import AppArgs, demo_args

ROOT = Path(__file__).parents[3]


def read(name: str) -> dict[str, Any]:
    content = yaml.safe_load((ROOT / name).read_text())
    assert isinstance(content, dict)
    return content


def application(name: str) -> Any:
    (only,) = ServeDeploySchema.model_validate(read(name)).applications
    return only


def app_args(name: str) -> AppArgs:
    return AppArgs.model_validate(application(name).args)


@pytest.mark.parametrize("name", ["config/demo.yaml", "config/gpu.yaml"])
def test_serve_configs_fit_the_schema_of_ray_serve_and_of_the_application(name: str) -> None:
    assert application(name).import_path == "serve_app:build"
    assert [model.id for model in app_args(name).models] == list(MAIN_MODELS)


@pytest.mark.parametrize("name", ["config/demo.yaml", "config/gpu.yaml"])
def test_the_application_scales_by_backlog(name: str) -> None:
    policy = application(name).autoscaling_policy
    assert policy["policy_function"] == f"{BacklogPolicy.__module__}:{BacklogPolicy.__name__}"
    BacklogPolicy(**policy["policy_kwargs"])


def test_the_demo_config_serves_what_the_demo_command_serves() -> None:
    args = app_args("config/demo.yaml")
    assert args.data is not None
    assert args == demo_args(args.data)
    assert all(model.num_gpus == 0 and model.weights == DEMO_WEIGHTS for model in args.models)


def test_every_model_of_the_gpu_config_has_whole_gpus_of_its_own() -> None:
    assert all(model.num_gpus == 1 for model in app_args("config/gpu.yaml").models)


def test_the_cluster_fits_the_schema_of_the_ray_autoscaler() -> None:
    config = prepare_config(read("cluster.yaml"))
    validate_config(config)


def test_the_cluster_has_a_head_and_gpu_workers_with_a_minimum_and_a_maximum() -> None:
    config = read("cluster.yaml")
    workers = {name: node for name, node in config["available_node_types"].items() if name != config["head_node_type"]}
    assert config["head_node_type"] in config["available_node_types"]
    assert workers
    assert all(0 <= node["min_workers"] <= node["max_workers"] for node in workers.values())
    assert sum(node["min_workers"] for node in workers.values()) >= 1

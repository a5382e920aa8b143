"""The composition root: the whole graph on one page. ``serve_app:build`` is what a Serve config file names.

    Ingress (N) ──handle──> Router (1 a shard) ──handle per model──> model-<id> (N each)

Every deployment sets its own resources and limits. Serve's defaults (one CPU and five ongoing requests each) would keep
the demo pending on a small machine and a hundred open streams waiting for five.
"""

from collections.abc import Callable, Mapping
from typing import Any

import ray
from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig, RequestRouterConfig
from ray.serve.schema import LoggingConfig

from deployments.engine.spec import LoadSpec
from deployments.replica import ModelReplica
from deployments.served import LoadEngine, ServedEngine
from deployments.telemetry.process import Telemetry
from serve_app.autoscaling import MODEL_PREFIX
from serve_app.handles.routing import LoraRequestRouter
from serve_app.ingress import Ingress
from serve_app.router import Router
from serve_app.settings import AppArgs, IngressSettings, LogSettings, ModelSettings, exports_traces

MANY_REQUESTS = 10_000
"""Ongoing requests of an Ingress or Router replica: every open stream is one. Admission is the job queue's part."""

CONTROL_CALLS = 4
"""Room in a model replica's ongoing requests for the Router's heartbeat beside the attempts."""

ROUTING_STATS_EVERY_S = 1.0
"""Seconds until a LoRA that a replica has loaded draws requests to it (Serve's default is 10 s)."""

SUPERVISION: Mapping[str, Any] = {
    # A dead replica is noticed, and its replacement started, within about this time (Serve's default is 10 s).
    "health_check_period_s": 2.0,
    # One that hangs is replaced after three such silences (Serve's default is 30 s each).
    "health_check_timeout_s": 10.0,
    # One that is to stop looks this often whether its last request has ended (Serve's default is 2 s).
    "graceful_shutdown_wait_loop_s": 0.2,
}
"""How Serve looks after every deployment."""

EngineFactory = Callable[[], ServedEngine]


def build(args: AppArgs) -> Application:
    """The application: Serve's typed builder, also for ``serve run serve_app:build data=/abs/path``.

    Raises:
        ValueError: ``args`` keeps the database or the images on a local disk, and the cluster has several nodes.
    """
    return compose(args, load_engine)


def load_engine(model: ModelSettings) -> EngineFactory:
    """How replicas of ``model`` get their engine."""
    spec = LoadSpec(
        model=model.id,
        weights=model.weights,
        base=model.base,
        device=model.device,
        dtype=model.dtype,
        quantize=model.quantize,
        quantize_text=model.quantize_text,
        offload=model.offload,
        vae=model.vae,
        loras=str(model.loras) if model.loras else None,
        controlnets=dict(model.controlnets),
    )
    return LoadEngine(spec, model.max_batch, model.torch_threads or int(model.num_cpus) or None)


def compose(args: AppArgs, engines: Callable[[ModelSettings], EngineFactory]) -> Application:
    """The graph over any engines; raises as :func:`build`."""
    refuse_local_storage(args, _alive_nodes())
    logs = args.logs
    telemetry = Telemetry(logs.format, logs.level, traces=exports_traces())
    models = {
        model.id: serve.deployment(ModelReplica, **_model_options(model, logs)).bind(
            model.id,
            args.blobs_url,
            engines(model),
            checkpoint_every_s=model.checkpoint_every_s,
            telemetry=telemetry.set_up,
        )
        for model in args.models
    }
    routers = [
        serve.deployment(Router, **_router_options(shard, logs)).bind(
            args, shard, {model.id: models[model.id] for model in own}, telemetry.set_up
        )
        for shard, own in enumerate(args.shards)
    ]
    return serve.deployment(Ingress, **_ingress_options(args.ingress, logs)).bind(args, routers, telemetry.set_up)


def _ingress_options(ingress: IngressSettings, logs: LogSettings) -> dict[str, Any]:
    return {
        "name": "Ingress",
        "logging_config": _logging(logs, access=True),
        "ray_actor_options": {"num_cpus": 0},
        "max_ongoing_requests": MANY_REQUESTS,
        "autoscaling_config": AutoscalingConfig(
            min_replicas=ingress.min_replicas,
            max_replicas=ingress.max_replicas,
            target_ongoing_requests=ingress.target_ongoing_requests,
        ),
        **SUPERVISION,
        "graceful_shutdown_timeout_s": ingress.drain_s,
    }


def _router_options(shard: int, logs: LogSettings) -> dict[str, Any]:
    # Only a deployment with an autoscaling config may report figures to the policy. The interval is deprecated in
    # favour of an environment variable that every node would need; its default of 10 s would make scaling late.
    reporting = AutoscalingConfig(min_replicas=1, max_replicas=1, metrics_interval_s=1, look_back_period_s=3)
    return {
        "name": f"Router-{shard}" if shard else "Router",
        "logging_config": _logging(logs, access=False),  # or every poll is a line
        "ray_actor_options": {"num_cpus": 0},
        "max_ongoing_requests": MANY_REQUESTS,
        "autoscaling_config": reporting,
        **SUPERVISION,
        "graceful_shutdown_timeout_s": 5,  # streams go on at its successor
    }


def _model_options(model: ModelSettings, logs: LogSettings) -> dict[str, Any]:
    return {
        "name": f"{MODEL_PREFIX}{model.id}",
        "ray_actor_options": {"num_cpus": model.num_cpus, "num_gpus": model.num_gpus, **model.ray_actor_options},
        "max_ongoing_requests": model.max_batch + model.prefetch + CONTROL_CALLS,
        "logging_config": _logging(logs, access=False),  # or every heartbeat is a line
        "autoscaling_config": AutoscalingConfig(
            min_replicas=model.min_replicas,
            max_replicas=model.max_replicas,
            upscale_delay_s=model.upscale_delay_s,
            downscale_delay_s=model.downscale_delay_s,
        ),
        **({"request_router_config": _to_holders_of_loras(model)} if model.loras else {}),
        **SUPERVISION,
        "graceful_shutdown_timeout_s": model.drain_s,
    }


def _logging(logs: LogSettings, *, access: bool) -> LoggingConfig:
    """Of Serve's own lines, whose form stays Serve's until the process has set itself up (``Telemetry.set_up``)."""
    encoding = "JSON" if logs.format == "json" else "TEXT"
    return LoggingConfig(encoding=encoding, log_level=logs.level, enable_access_log=access)


def _to_holders_of_loras(model: ModelSettings) -> RequestRouterConfig:
    return RequestRouterConfig(
        request_router_class=LoraRequestRouter,
        request_router_kwargs={"room": model.max_batch},
        request_routing_stats_period_s=ROUTING_STATS_EVERY_S,
    )


def refuse_local_storage(args: AppArgs, nodes: int) -> None:
    """Raises ValueError if the database or the images are on a local disk and the cluster has several ``nodes``."""
    local = [url for url in (args.database_url, args.blobs_url) if url.startswith(("sqlite", "file:"))]
    if local and nodes > 1:
        raise ValueError(
            f"{', '.join(local)} is on one machine's disk, but the cluster has {nodes} nodes: "
            "set `database` (postgresql+asyncpg://…) and `blobs` (s3://…, gs://…, az://…)"
        )


def _alive_nodes() -> int:
    """Nodes of the cluster that this process is connected to; one when it is connected to none."""
    return sum(node["Alive"] for node in ray.nodes()) if ray.is_initialized() else 1

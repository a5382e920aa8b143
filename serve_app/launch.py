"""A Ray cluster of this process's own, and the application on it: what ``serve run FILE`` does, as three calls.

Serve has no public Python call that deploys a config (``serve.run`` can't carry the application's autoscaling policy),
so :func:`deploy` makes the same two calls of Serve's client that ``serve run FILE`` makes. The client polls; nothing
here is for an event loop.
"""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import ray
from ray import serve
from ray._private.accelerators import get_accelerator_manager_for_resource
from ray.serve._private.api import serve_start
from ray.serve.config import gRPCOptions
from ray.serve.schema import ApplicationStatus, ServeDeploySchema

POLL_S = 0.1


class DeployFailed(RuntimeError):
    """The application did not come up; the message says what Serve reported."""


def visible_gpus() -> int:
    """The GPUs that :func:`start_ray` would find on this machine, without starting anything."""
    detector = get_accelerator_manager_for_resource("GPU")
    if detector is None:
        return 0
    visible = detector.get_current_process_visible_accelerator_ids()
    found = detector.get_current_node_num_accelerators()
    return int(found if visible is None else min(found, len(visible)))


def start_ray(*, num_cpus: float | None = None, num_gpus: float | None = None, quiet: bool = True) -> Path:
    """Start a one-node Ray cluster that ends with this process, and return the folder of its logs.

    What is ``None`` Ray detects. ``quiet`` keeps all but errors, and the workers' output, in those logs instead of
    this process's terminal.
    """
    level = logging.ERROR if quiet else logging.INFO
    logging.getLogger("ray").setLevel(level)  # what Ray says before `init` has configured its logging
    context = ray.init(
        address="local",
        num_cpus=num_cpus,
        num_gpus=num_gpus,
        include_dashboard=False,
        log_to_driver=not quiet,
        logging_level=level,
        namespace="serve",
    )
    logging.getLogger("ray.serve").setLevel(level)
    return Path(context.address_info["session_dir"]) / "logs"


def deploy(
    config: Mapping[str, Any],
    *,
    timeout_s: float = 3600,
    watch: Callable[[Mapping[str, str]], None] = lambda _states: None,
) -> None:
    """Deploy a Serve config (the content of a file such as ``config/demo.yaml``) and wait until it runs.

    ``watch`` is called at every poll with the state, in Serve's words, of each deployment by its name.

    Raises:
        pydantic.ValidationError: the config is not valid.
        DeployFailed: an application failed, or is not up after ``timeout_s`` (a first start may download weights).
    """
    schema = ServeDeploySchema.model_validate(dict(config))
    client = serve_start(
        http_options=schema.http_options.model_dump(),
        proxy_location=schema.proxy_location,
        grpc_options=gRPCOptions(**schema.grpc_options.model_dump()),
        controller_options=schema.controller_options,
    )
    client.deploy_apps(schema)
    _wait_until_running([application.name for application in schema.applications], timeout_s, watch)
    client.wait_for_proxies_serving(wait_for_applications_running=True)


def stop() -> None:
    """Shut down Serve, which drains its replicas, and the Ray cluster. Does nothing when neither runs."""
    if ray.is_initialized():
        # Serve kills its controller in the middle of the call that shuts it down, and Ray prints that as a failed task
        with redirect_stdout(StringIO()):
            serve.shutdown()
            ray.shutdown()


def _wait_until_running(names: list[str], timeout_s: float, watch: Callable[[Mapping[str, str]], None]) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        applications = serve.status().applications
        found = {name: applications[name] for name in names if name in applications}
        watch({name: d.status.value for application in found.values() for name, d in application.deployments.items()})
        for name, application in found.items():
            if application.status in (ApplicationStatus.DEPLOY_FAILED, ApplicationStatus.UNHEALTHY):
                raise DeployFailed(f"application {name}: {_reason(application)}")
        if len(found) == len(names) and all(a.status == ApplicationStatus.RUNNING for a in found.values()):
            return
        if time.monotonic() > deadline:
            states = "; ".join(f"{name}: {application.status.value}" for name, application in found.items())
            raise DeployFailed(f"not running after {timeout_s:g} s ({states or 'no application'})")
        time.sleep(POLL_S)


def _reason(application: Any) -> str:
    """Serve's own words: the application's message, then those of its deployments that are not healthy."""
    unhealthy = (
        f"{name}: {deployment.message}"
        for name, deployment in application.deployments.items()
        if deployment.message and deployment.status.value != "HEALTHY"
    )
    return " ".join([application.message, *unhealthy]).strip() or application.status.value

"""Replicas from backlog: how many of each deployment the application wants. Pure arithmetic, then its Serve policy.

Serve calls the policy about ten times a second in the controller's loop, so nothing here waits. Serve itself applies
each deployment's upscale and downscale delays to what the policy wants.

This module is pickled by value into the Serve controller: it imports nothing else of this project.
"""

import math
from collections.abc import Mapping
from typing import Any

from ray.serve.config import AutoscalingContext

MODEL_PREFIX = "model-"
"""Deployments of models are named ``model-<id>``."""

BACKLOG_PREFIX = "backlog_s:"
"""The Router reports ``backlog_s:<id>`` for every model: GPU-seconds queued and still to run."""


def replicas_for_backlog(backlog_s: float, target_drain_s: float) -> int:
    """Replicas that drain ``backlog_s`` GPU-seconds within ``target_drain_s`` seconds; 0 for no backlog."""
    return math.ceil(backlog_s / target_drain_s)


def replicas_for_requests(ongoing: float, target_per_replica: float) -> int:
    """Replicas that hold ``ongoing`` open requests with at most ``target_per_replica`` each."""
    return math.ceil(ongoing / target_per_replica)


def within(wanted: int, least: int, most: int) -> int:
    """``wanted``, moved into ``least`` … ``most``."""
    return max(least, min(wanted, most))


def reported_backlogs(metrics: Mapping[str, Mapping[Any, float]]) -> dict[str, float]:
    """Model id to backlog in GPU-seconds, from one deployment's ``{metric: {replica: value}}``.

    While an update lets two Routers overlap, both report; the larger figure counts.
    """
    return {
        name.removeprefix(BACKLOG_PREFIX): max(values.values())
        for name, values in metrics.items()
        if name.startswith(BACKLOG_PREFIX) and values
    }


class BacklogPolicy:
    """The application-level policy of ``config/*.yaml``; ``policy_kwargs: {target_drain_s: …}``.

    Models follow their backlog, the Ingress its open requests, and what reports neither stays as it is: a Router that
    restarts must not cost the models their replicas.
    """

    def __init__(self, target_drain_s: float = 10.0) -> None:
        """``target_drain_s``: seconds within which the replicas should work off what is queued and running.

        Raises:
            ValueError: it is not above 0.
        """
        if not target_drain_s > 0:
            raise ValueError(f"target_drain_s must be above 0, got {target_drain_s}")
        self._target_drain_s = target_drain_s

    def __call__(self, contexts: Mapping[Any, AutoscalingContext]) -> tuple[dict[Any, int], dict[Any, dict[str, Any]]]:
        """Serve's call: a context per deployment in, the wanted replicas per deployment out (and no state)."""
        backlogs: dict[str, float] = {}
        for context in contexts.values():
            backlogs |= reported_backlogs(context.aggregated_metrics or {})
        return {deployment: self._wanted(context, backlogs) for deployment, context in contexts.items()}, {}

    def _wanted(self, context: AutoscalingContext, backlogs: Mapping[str, float]) -> int:
        name: str = context.deployment_name
        if name.startswith(MODEL_PREFIX):
            backlog_s = backlogs.get(name.removeprefix(MODEL_PREFIX))
            wanted = (
                context.target_num_replicas
                if backlog_s is None
                else replicas_for_backlog(backlog_s, self._target_drain_s)
            )
        else:
            wanted = replicas_for_requests(context.total_num_requests, context.config.target_ongoing_requests)
        return within(wanted, context.capacity_adjusted_min_replicas, context.capacity_adjusted_max_replicas)

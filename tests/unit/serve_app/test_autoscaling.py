"""Replicas follow backlog: the arithmetic with plain values, then the policy over Serve's own contexts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray.serve.config import AutoscalingConfig, AutoscalingContext

from serve_app.autoscaling import (
    BacklogPolicy,
    replicas_for_backlog,
    replicas_for_requests,
    reported_backlogs,
    within,
)


@pytest.mark.parametrize(
    ("backlog_s", "target_drain_s", "replicas"),
    [(0, 10, 0), (0.1, 10, 1), (10, 10, 1), (10.1, 10, 2), (95, 10, 10), (3, 0.5, 6)],
)
def test_enough_replicas_drain_the_backlog_within_the_target(
    backlog_s: float, target_drain_s: float, replicas: int
) -> None:
    assert replicas_for_backlog(backlog_s, target_drain_s) == replicas


@given(st.floats(0, 1e6), st.floats(0.1, 1e4))
def test_one_replica_less_would_miss_the_target(backlog_s: float, target_drain_s: float) -> None:
    replicas = replicas_for_backlog(backlog_s, target_drain_s)
    assert backlog_s / target_drain_s <= replicas
    assert replicas == 0 or backlog_s / target_drain_s > replicas - 1


@pytest.mark.parametrize(("ongoing", "replicas"), [(0, 0), (1, 1), (200, 1), (201, 2)])
def test_the_ingress_follows_its_open_requests(ongoing: float, replicas: int) -> None:
    assert replicas_for_requests(ongoing, 200) == replicas


@pytest.mark.parametrize(("wanted", "bounded"), [(0, 1), (1, 1), (3, 3), (9, 4)])
def test_bounds_hold(wanted: int, bounded: int) -> None:
    assert within(wanted, 1, 4) == bounded


def test_of_two_overlapping_routers_the_larger_backlog_counts() -> None:
    metrics = {"backlog_s:sd15": {"old": 4.0, "new": 30.0}, "running_requests": {"old": 99.0}, "backlog_s:sdxl": {}}
    assert reported_backlogs(metrics) == {"sd15": 30.0}


def test_a_target_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        BacklogPolicy(target_drain_s=0)


def context(
    name: str,
    *,
    target: int = 1,
    least: int = 1,
    most: int = 1,
    ongoing: float = 0,
    metrics: dict[str, dict[str, float]] | None = None,
) -> AutoscalingContext:
    config = AutoscalingConfig(min_replicas=least, max_replicas=most, target_ongoing_requests=100)
    return AutoscalingContext(
        deployment_id=name,
        deployment_name=name,
        app_name="darkroom",
        current_num_replicas=target,
        target_num_replicas=target,
        running_replicas=[],
        total_num_requests=ongoing,
        total_queued_requests=0,
        aggregated_metrics=metrics or {},
        raw_metrics={},
        capacity_adjusted_min_replicas=least,
        capacity_adjusted_max_replicas=most,
        policy_state={},
        last_scale_up_time=None,
        last_scale_down_time=None,
        current_time=0.0,
        config=config,
    )


def decide(*contexts: AutoscalingContext) -> dict[Any, int]:
    decisions, _ = BacklogPolicy(target_drain_s=10)({one.deployment_id: one for one in contexts})
    return decisions


def test_every_deployment_gets_an_answer() -> None:
    router = context("Router", metrics={"backlog_s:sd15": {"r": 35.0}, "backlog_s:sdxl": {"r": 0.0}})
    assert decide(
        context("Ingress", most=4, ongoing=150), router, context("model-sd15", most=8), context("model-sdxl", most=8)
    ) == {"Ingress": 2, "Router": 1, "model-sd15": 4, "model-sdxl": 1}


def test_a_model_stays_within_its_bounds() -> None:
    router = context("Router", metrics={"backlog_s:sd15": {"r": 1e6}, "backlog_s:sdxl": {"r": 0.0}})
    decisions = decide(router, context("model-sd15", most=3), context("model-sdxl", least=2, most=3))
    assert decisions["model-sd15"] == 3
    assert decisions["model-sdxl"] == 2


def test_a_model_that_may_go_to_zero_does_without_backlog_and_comes_back_with_it() -> None:
    idle = context("Router", metrics={"backlog_s:sd15": {"r": 0.0}})
    assert decide(idle, context("model-sd15", least=0, most=2))["model-sd15"] == 0
    busy = context("Router", metrics={"backlog_s:sd15": {"r": 0.2}})
    assert decide(busy, context("model-sd15", target=0, least=0, most=2))["model-sd15"] == 1


def test_replicas_stay_while_no_router_reports() -> None:
    assert decide(context("Router"), context("model-sd15", target=3, most=4))["model-sd15"] == 3

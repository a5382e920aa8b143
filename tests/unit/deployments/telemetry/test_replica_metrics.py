"""A replica's numbers: sums grow by what was done, and memory is told only where there is a device that tells."""

from dataclasses import dataclass, field

from deployments.engine.stats import Memory, Work
from deployments.telemetry.meters import NO_METERS
from deployments.telemetry.replica_metrics import (
    FORWARD_IMAGES,
    FORWARD_SECONDS,
    FORWARDS,
    MEMORY_RESERVED,
    MEMORY_USED,
    REQUESTS,
    ReplicaMetrics,
)
from tests.unit.telemetry_fakes import RecordingMeters


@dataclass
class Load:
    running: int = 0
    work: Work = field(default_factory=Work)
    memory: Memory | None = None


def test_sums_grow_by_what_was_done_since_the_last_heartbeat() -> None:
    meters = RecordingMeters()
    metrics = ReplicaMetrics(meters, "sd15")
    for work in (Work(10, 1.0, 25), Work(10, 1.0, 25), Work(14, 1.5, 41)):
        metrics.tell(Load(running=3, work=work))
    assert [meters.count(one, "sd15") for one in (FORWARDS, FORWARD_SECONDS, FORWARD_IMAGES)] == [14, 1.5, 41]
    assert meters.gauges[REQUESTS.name, ("sd15",)] == 3


def test_memory_is_told_where_there_is_any_to_tell_of() -> None:
    meters = RecordingMeters()
    metrics = ReplicaMetrics(meters, "sd15")
    metrics.tell(Load())
    assert (MEMORY_USED.name, ("sd15",)) not in meters.gauges
    metrics.tell(Load(memory=Memory(used=7, reserved=9)))
    assert [meters.gauges[one.name, ("sd15",)] for one in (MEMORY_USED, MEMORY_RESERVED)] == [7, 9]


def test_where_nobody_measures_everything_is_taken() -> None:
    NO_METERS.add(FORWARDS, 1, model="sd15")
    NO_METERS.set(REQUESTS, 1, model="sd15")
    NO_METERS.observe(FORWARDS, 1, model="sd15")

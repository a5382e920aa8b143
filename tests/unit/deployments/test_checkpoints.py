"""Saved states: the newest of each image is kept, wherever blobs are; a lost attempt's successor goes on from it."""

import asyncio
from pathlib import Path

import pytest

from deployments.blobs import BlobStore
from deployments.checkpoints import Checkpoints, SavedState
from deployments.engine.events import Checkpoint
from deployments.replica import ModelReplica
from deployments.telemetry.replica_metrics import CHECKPOINTS
from tests.unit.deployments.test_replica import ScriptedEngine, attempt, engine, meters, replica, until_submitted
from tests.unit.serve_app.jobs.job_fakes import turns
from tests.unit.telemetry_fakes import RecordingMeters

__all__ = ["engine", "meters", "replica"]


@pytest.fixture(params=["folder", "s3"])
def checkpoints(request: pytest.FixtureRequest, tmp_path: Path) -> Checkpoints:
    url = f"file://{tmp_path}/images" if request.param == "folder" else request.getfixturevalue("s3")
    return Checkpoints(BlobStore.open(url))


async def test_the_newest_state_of_each_image_is_kept_and_older_ones_go(checkpoints: Checkpoints) -> None:
    for index, step, earlier in ((0, 9, None), (1, 8, None), (0, 10, 9), (1, 12, 8)):
        await checkpoints.save("job", index, step, f"{index} at {step}".encode(), instead_of=earlier)
    await checkpoints.save("jobs", 0, 3, b"a neighbour with a longer name")
    assert await checkpoints.steps("job") == {0: 10, 1: 12}
    assert await checkpoints.load("job") == {0: SavedState(10, b"0 at 10"), 1: SavedState(12, b"1 at 12")}
    assert await checkpoints.resumes_at("job", 2) == 10
    assert await checkpoints.resumes_at("job", 3) == 0
    await checkpoints.clear("job")
    assert await checkpoints.load("job") == {}
    assert await checkpoints.resumes_at("jobs", 1) == 3


async def test_a_late_writer_of_an_older_step_takes_nothing_away(checkpoints: Checkpoints) -> None:
    await checkpoints.save("job", 0, 10, b"newer")
    await checkpoints.save("job", 0, 5, b"older")
    assert await checkpoints.load("job") == {0: SavedState(10, b"newer")}


async def test_a_later_attempt_gets_what_an_earlier_one_saved(
    replica: ModelReplica, engine: ScriptedEngine, meters: RecordingMeters, tmp_path: Path
) -> None:
    first = asyncio.create_task(anext(replica.run(attempt(n=2))))
    await until_submitted(engine)
    assert engine.resumed["job"] == {}
    engine.say(Checkpoint("job", b"half way", 2, 0), Checkpoint("job", b"a step more", 3, 1))
    checkpoints = Checkpoints(BlobStore.open(f"file://{tmp_path}"))
    while await checkpoints.steps("job") != {0: 2, 1: 3}:
        await turns(1)
    while meters.count(CHECKPOINTS, "sd15") < 2:
        await turns(1)
    first.cancel()
    await asyncio.wait({first})
    second = asyncio.create_task(anext(replica.run(attempt(number=2, n=2))))
    await until_submitted(engine)
    assert engine.resumed["job"] == {0: b"half way", 1: b"a step more"}
    engine.say(Checkpoint("job", b"further", 4, 0))
    blobs = BlobStore.open(f"file://{tmp_path}")
    while {key async for page in blobs.listed("job/state/") for key, _ in page} != {"job/state/0-4", "job/state/1-3"}:
        await turns(1)  # the new state is there, and the one that it goes on from is not
    second.cancel()
    await asyncio.wait({second})


async def test_an_attempt_whose_state_can_not_be_saved_goes_on(
    replica: ModelReplica, engine: ScriptedEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "job").write_text("no folder can be made here")
    running = asyncio.create_task(anext(replica.run(attempt())))
    await until_submitted(engine)
    engine.say(Checkpoint("job", b"x", 2, 0))
    while "could not be saved" not in caplog.text:
        await turns(1)
    assert not running.done()
    running.cancel()
    await asyncio.wait({running})

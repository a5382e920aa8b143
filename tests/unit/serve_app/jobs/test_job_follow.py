from pathlib import Path

import pytest

from deployments.engine.errors import JobNotFound
from serve_app.jobs.events import Cancelled, Complete, EventId, Progress, Queued, Started
from serve_app.jobs.job import JobStatus
from serve_app.settings import JobSettings
from tests.unit.serve_app.jobs.job_fakes import open_house, stats, turns


async def test_a_late_comer_gets_everything_in_the_log_and_resumes_at_any_id(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        job_id = await house.submit()
        whole = await house.stream(job_id)
        assert await house.stream(job_id) == whole
        for place, logged in enumerate(whole):
            assert await house.stream(job_id, logged.id) == whole[place + 1 :]


async def test_an_unknown_job_can_not_be_followed(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        with pytest.raises(JobNotFound):
            await house.stream("nobody")


async def test_a_job_whose_log_was_dropped_is_told_from_the_store_under_ids_that_go_on(tmp_path: Path) -> None:
    async with open_house(tmp_path, settings=JobSettings(finished_logs=1)) as house:
        job_id = await house.submit("wait")
        progress = house.follow(job_id)
        live = await anext(progress)
        house.runner.go.set()
        live += [logged async for batch in progress for logged in batch]
        await house.ended(await house.submit())  # takes the one place
        told = await house.stream(job_id)
        assert [type(logged.event) for logged in told] == [Queued, Started, Complete]
        assert told[-1] == live[-1]
        middle = next(logged.id for logged in live if isinstance(logged.event, Progress))
        assert await house.stream(job_id, middle) == [live[-1]]
        assert await house.stream(job_id, live[-1].id) == []


async def test_a_job_of_an_earlier_epoch_is_told_from_the_store(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        done, cancelled = await house.submit(), await house.submit("wait")
        whole = await house.stream(done)
        await house.cancel(cancelled)
    async with open_house(tmp_path) as house:
        assert (await house.stream(done))[-1] == whole[-1]
        assert await house.stream(done, whole[-1].id) == []
        assert isinstance((await house.stream(cancelled))[-1].event, Cancelled)


async def test_ids_of_the_next_epoch_are_higher(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        first = (await house.stream(await house.submit()))[-1].id
    async with open_house(tmp_path) as house:
        second = (await house.stream(await house.submit()))[0].id
    assert second > first
    assert second == EventId(2, 1)


async def test_a_followed_job_is_told_when_its_place_changes_and_an_unfollowed_is_not(tmp_path: Path) -> None:
    async with open_house(tmp_path, model={"max_queued": 9}) as house:
        house.beat(stats(max_batch=1, seconds_per_row=0.1))
        running = await house.submit("wait", steps=10)
        await house.until(running, Progress)
        ahead, followed, alone = [await house.submit("wait", steps=10) for _ in range(3)]
        stream = house.follow(followed)
        first = (await anext(stream))[-1].event
        assert isinstance(first, Queued)
        assert first.position == 1
        assert first.eta_s is not None
        await house.cancel(ahead)
        second = (await anext(stream))[-1].event
        assert isinstance(second, Queued)
        assert second.position == 0
        assert second.eta_s is not None
        assert second.eta_s < first.eta_s
        await stream.aclose()
        late = [logged.event for logged in (await anext(house.follow(alone)))]
        assert [event.position for event in late if isinstance(event, Queued)] == [2]
        assert (await house.get(followed)).status is JobStatus.QUEUED


async def test_a_place_that_does_not_change_is_told_once(tmp_path: Path) -> None:
    async with open_house(tmp_path, replicas=False, watch_every_s=0.0001) as house:
        job_id = await house.submit()
        stream = house.follow(job_id)
        first = (await anext(stream))[-1]
        await turns(200)
        await house.cancel(job_id)
        rest = [logged async for batch in stream for logged in batch]
        assert [type(logged.event) for logged in rest] == [Cancelled]
        assert rest[0].id == EventId(first.id.epoch, first.id.seq + 1)


async def test_an_id_that_the_log_has_not_given_is_no_place_to_resume_at_so_everything_is_told(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        job_id = await house.submit("wait")
        stream = house.follow(job_id, EventId(1, 99_999))
        assert isinstance((await anext(stream))[0].event, Queued)
        await stream.aclose()
        house.runner.go.set()
        await house.ended(job_id)

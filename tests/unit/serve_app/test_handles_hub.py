"""All streams of an Ingress over one poll, against a real service: nothing is lost, nothing is told twice."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from deployments.engine.errors import JobNotFound, ModelUnavailable
from serve_app.handles.hub import Hub
from serve_app.jobs.caller import Caller
from serve_app.jobs.events import Complete, EventId, LoggedEvent, Progress, Queued, Restarted, Started
from serve_app.jobs.following import Following
from serve_app.jobs.job import ACTIVE, JobStatus
from tests.unit.serve_app.in_process import Wire
from tests.unit.serve_app.jobs.job_fakes import ALICE, House, open_house, turns


@asynccontextmanager
async def wired(house: House, **options: Any) -> AsyncIterator[Wire]:
    following = Following(house.service.follow, time.monotonic, **({"poll_s": 0.05} | options))
    try:
        yield Wire(following)
    finally:
        await following.close()


@asynccontextmanager
async def hub_over(wire: Wire, patience_s: float = 5.0) -> AsyncIterator[Hub]:
    hub = Hub(wire, patience_s)
    try:
        yield hub
    finally:
        await hub.close()


async def read(hub: Hub, job_id: str, after: EventId | None = None, caller: Caller = ALICE) -> list[LoggedEvent]:
    return [logged async for batch in hub.follow(job_id, caller, after) for logged in batch]


async def until(hub: Hub, job_id: str, kind: type) -> EventId:
    async with aclosing(hub.follow(job_id, ALICE)) as batches:
        async for batch in batches:
            for logged in batch:
                if isinstance(logged.event, kind):
                    return logged.id
    raise AssertionError(f"no {kind}")


async def test_a_stream_tells_what_the_service_tells(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, wired(house) as wire, hub_over(wire) as hub:
        job_id = await house.submit(n=2)
        assert await read(hub, job_id) == await house.stream(job_id)


async def test_many_readers_of_a_job_share_one_subscription(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, wired(house) as wire, hub_over(wire) as hub:
        job_id = await house.submit("wait")
        readers = [asyncio.create_task(read(hub, job_id)) for _ in range(20)]
        await until(hub, job_id, Started)
        house.runner.go.set()
        told = await asyncio.gather(*readers)
        assert all(isinstance(one[-1].event, Complete) for one in told)
        assert len({tuple(logged.id for logged in one if isinstance(logged.event, Progress)) for one in told}) == 1
        assert len(wire.subscribed) == 1


async def test_a_hundred_streams_at_once_all_come_to_their_ends(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, wired(house) as wire, hub_over(wire) as hub:
        jobs = [await house.submit() for _ in range(100)]
        told = await asyncio.gather(*(read(hub, job_id) for job_id in jobs))
        assert all(isinstance(one[-1].event, Complete) for one in told)


async def test_a_late_reader_goes_on_after_the_event_it_names(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, wired(house) as wire, hub_over(wire) as hub:
        job_id = await house.submit("wait")
        seen = await until(hub, job_id, Started)
        reading, resuming = asyncio.create_task(read(hub, job_id)), asyncio.create_task(read(hub, job_id, seen))
        await until(hub, job_id, Progress)
        house.runner.go.set()
        whole, rest = await reading, await resuming
        assert rest == [logged for logged in whole if logged.id > seen]
        assert await read(hub, job_id, whole[-1].id) == []


async def test_an_id_that_was_never_given_tells_everything(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, wired(house) as wire, hub_over(wire) as hub:
        job_id = await house.submit("wait")
        reading = asyncio.create_task(read(hub, job_id, EventId(99, 7)))
        await until(hub, job_id, Progress)
        house.runner.go.set()
        assert isinstance((await reading)[0].event, Queued)


async def test_a_slow_reader_holds_nobody_up(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, wired(house) as wire, hub_over(wire) as hub:
        job_id = await house.submit("wait")
        async with aclosing(hub.follow(job_id, ALICE)) as slow:
            await anext(slow)
            reading = asyncio.create_task(read(hub, job_id))
            await until(hub, job_id, Progress)
            house.runner.go.set()
            assert isinstance((await reading)[-1].event, Complete)
            assert isinstance([logged async for batch in slow for logged in batch][-1].event, Complete)


async def test_nobody_reads_what_is_not_his_or_is_not_there(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, wired(house) as wire, hub_over(wire) as hub:
        job_id = await house.submit("wait")
        reading = asyncio.create_task(read(hub, job_id))
        for name, caller in ((job_id, Caller("bob")), ("nothing", ALICE), (job_id, Caller("@10.0.0.1"))):
            with pytest.raises(JobNotFound):
                await read(hub, name, caller=caller)
        assert isinstance(await house.until(job_id, Started), Started)
        admin = asyncio.create_task(read(hub, job_id, caller=Caller("root", admin=True)))
        house.runner.go.set()
        assert isinstance((await admin)[-1].event, Complete)
        await reading


async def test_the_last_reader_that_leaves_cancels_a_synchronous_calls_job(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, wired(house) as wire, hub_over(wire) as hub:
        job_id = await house.submit("wait", on_disconnect="cancel")
        async with aclosing(hub.follow(job_id, ALICE)) as one:
            await anext(one)
            await until(hub, job_id, Started)  # comes and goes
            assert (await house.get(job_id)).status is JobStatus.RUNNING
        while (job := await house.get(job_id)).status in ACTIVE:
            await turns(1)
        assert job.status is JobStatus.CANCELLED


async def test_a_process_that_has_died_is_known_by_its_silence(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, wired(house, lease_s=0.1) as wire, hub_over(wire) as hub:
        job_id = await house.submit("wait", on_disconnect="cancel")
        reading = asyncio.create_task(read(hub, job_id))
        await until(hub, job_id, Started)
        await hub.close()  # as a process that was killed: it says nothing
        while (job := await house.get(job_id)).status in ACTIVE:
            wire.following.lapse()
            await turns(1)
        assert job.status is JobStatus.CANCELLED
        reading.cancel()


async def test_a_stream_goes_on_at_the_next_router_after_the_last_event_that_came(tmp_path: Path) -> None:
    async with open_house(tmp_path) as old, wired(old) as wire, hub_over(wire) as hub:
        job_id = await old.submit("wait")
        reading = asyncio.create_task(read(hub, job_id))
        await until(hub, job_id, Progress)
        async with open_house(tmp_path) as new, wired(new) as other:
            wire.following = other.following
            new.runner.go.set()
            told = await reading
        ids = [logged.id for logged in told]
        assert ids == sorted(set(ids))
        assert [type(logged.event) for logged in told if isinstance(logged.event, Started | Restarted)] == [
            Started,
            Restarted,
            Started,
        ]
        assert isinstance(told[-1].event, Complete)


async def test_what_could_not_be_told_while_the_router_was_out_of_reach_is_told_afterwards(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, wired(house) as wire, hub_over(wire) as hub:
        job_id = await house.submit("wait")
        reading = asyncio.create_task(read(hub, job_id))
        await until(hub, job_id, Progress)
        wire.cut = True
        house.runner.go.set()
        whole = await house.stream(job_id)
        wire.cut = False
        told = await reading
        assert [logged for logged in told if not isinstance(logged.event, Queued)] == [
            logged for logged in whole if not isinstance(logged.event, Queued)
        ]


async def test_a_stream_does_not_wait_for_ever_for_a_router(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, wired(house) as wire, hub_over(wire, patience_s=0.1) as hub:
        job_id = await house.submit("wait")
        reading = asyncio.create_task(read(hub, job_id))
        await until(hub, job_id, Started)
        wire.cut = True
        with pytest.raises(ModelUnavailable):
            await reading
        wire.cut = False
        house.runner.go.set()
        assert isinstance((await read(hub, job_id))[-1].event, Complete)

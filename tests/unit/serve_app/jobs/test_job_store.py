import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from deployments.catalog import CATALOG
from deployments.engine.errors import Conflict, InvalidRequest, JobNotFound
from serve_app.jobs.admission import admit
from serve_app.jobs.caller import Caller, Once
from serve_app.jobs.events import EventId
from serve_app.jobs.job import ImageRef, Job, JobError, JobStatus
from serve_app.jobs.outcome import CANCELLED, Outcome, failed
from serve_app.jobs.store import Database, JobStore, Models, Record, Superseded
from tests.unit.serve_app.jobs.job_fakes import ALICE, wish

MODELS = ("sd15", "sdxl")
IMAGE = ImageRef(0, "job/1/0", 7, "png", 64, 64, 100)
DONE = Outcome(JobStatus.SUCCEEDED, (IMAGE,), {"total": 1.5})


def job(job_id: str, created_at: float = 1.0, model: str = "sd15", client: str = "alice") -> Job:
    request = admit(wish(id=job_id, model=model, metadata={"mine": [1, "ü"]}), CATALOG[model]).request
    return Job(job_id, request, JobStatus.QUEUED, 0, created_at, client=client)


@asynccontextmanager
async def opened(url: str, models: Sequence[str] = MODELS) -> AsyncIterator[JobStore]:
    """A store that has taken ``models``."""
    database = Database(url)
    await database.open()
    store = JobStore(database)
    await store.take(models)
    try:
        yield store
    finally:
        await database.close()


@pytest.fixture
async def store(url: str) -> AsyncIterator[JobStore]:
    async with opened(url) as store:
        yield store


async def page_ids(store: JobStore, **query: object) -> list[str]:
    wanted = {"caller": ALICE, "status": None, "models": Models.but(), "limit": 100} | query
    page = await store.page(**wanted)  # type: ignore[arg-type]
    return [found.id for found in page.jobs]


async def test_a_job_reads_back_as_it_was_written(store: JobStore) -> None:
    written = job("a")
    await store.insert(written)
    assert await store.get("a") == Record(written, None)


async def test_an_id_is_given_once(store: JobStore) -> None:
    await store.insert(job("a"))
    with pytest.raises(Conflict):
        await store.insert(job("a"))


async def test_an_unknown_id_is_not_found(store: JobStore) -> None:
    with pytest.raises(JobNotFound):
        await store.get("nobody")
    with pytest.raises(JobNotFound):
        await store.finish("nobody", 1, DONE, 2.0, 3)


async def test_a_job_goes_from_queued_to_running_to_succeeded(store: JobStore) -> None:
    await store.insert(job("a"))
    assert await store.start("a", 1, 5.0)
    running = (await store.get("a")).job
    assert (running.status, running.attempt, running.started_at) == (JobStatus.RUNNING, 1, 5.0)
    done = await store.finish("a", 1, DONE, 9.0, 12)
    assert (done.status, done.finished_at, done.images, done.timings) == (
        JobStatus.SUCCEEDED,
        9.0,
        (IMAGE,),
        {"total": 1.5},
    )
    assert (await store.get("a")).last == EventId(store.epoch, 12)


async def test_the_first_start_is_kept_over_a_lost_attempt(store: JobStore) -> None:
    await store.insert(job("a"))
    await store.start("a", 1, 5.0)
    assert await store.requeue("a", 1)
    assert (await store.get("a")).job.status is JobStatus.QUEUED
    assert await store.start("a", 2, 8.0)
    again = (await store.get("a")).job
    assert (again.attempt, again.started_at) == (2, 5.0)


async def test_the_first_terminal_write_wins_and_the_second_learns_which(store: JobStore) -> None:
    await store.insert(job("a"))
    await store.start("a", 1, 5.0)
    assert (await store.finish("a", 1, CANCELLED, 6.0, 4)).status is JobStatus.CANCELLED
    late = await store.finish("a", 1, DONE, 7.0, 9)
    assert (late.status, late.images, late.finished_at) == (JobStatus.CANCELLED, (), 6.0)


async def test_racing_terminal_writes_all_learn_the_same_winner(store: JobStore) -> None:
    await store.insert(job("a"))
    outcomes = [CANCELLED, failed("internal", "x"), Outcome(JobStatus.SUCCEEDED)] * 5
    won = await asyncio.gather(*(store.finish("a", 0, outcome, 6.0, 4) for outcome in outcomes))
    assert len({found.status for found in won}) == 1


async def test_a_superseded_attempt_writes_nothing(store: JobStore) -> None:
    await store.insert(job("a"))
    await store.start("a", 1, 5.0)
    await store.requeue("a", 1)
    await store.start("a", 2, 6.0)
    assert not await store.start("a", 2, 7.0)
    assert not await store.requeue("a", 1)
    assert (await store.finish("a", 1, DONE, 8.0, 5)).status is JobStatus.RUNNING


async def test_a_cancel_that_overtakes_the_commit_of_a_dispatch_wins(store: JobStore) -> None:
    await store.insert(job("a"))
    assert (await store.finish("a", 1, CANCELLED, 6.0, 4)).status is JobStatus.CANCELLED
    assert not await store.start("a", 1, 6.0)


async def test_each_start_takes_a_higher_epoch_and_an_older_one_can_write_no_more(url: str, store: JobStore) -> None:
    await store.insert(job("a"))
    assert await store.owns(MODELS)
    async with opened(url) as newer:
        assert newer.epoch == store.epoch + 1
        assert not await store.owns(MODELS)
        assert [left.id for left in await newer.adopt(MODELS)] == ["a"]
        assert not await store.start("a", 1, 10.0)
        assert (await store.finish("a", 1, DONE, 10.0, 30)).status is JobStatus.QUEUED
        with pytest.raises(Superseded):
            await store.insert(job("b"))
        await newer.insert(job("b"))
        assert (await newer.finish("a", 0, CANCELLED, 11.0, 2)).status is JobStatus.CANCELLED
        assert (await store.get("a")).last == EventId(newer.epoch, 2)


async def test_what_is_unfinished_is_adopted_as_waiting_oldest_first_and_keeps_its_attempt(
    url: str, store: JobStore
) -> None:
    for created_at, job_id in enumerate(("done", "running", "queued")):
        await store.insert(job(job_id, created_at))
    await store.start("running", 1, 5.0)
    await store.finish("done", 0, DONE, 6.0, 4)
    async with opened(url) as newer:
        left = await newer.adopt(MODELS)
        assert [(job.id, job.status, job.attempt, job.losses) for job in left] == [
            ("running", JobStatus.QUEUED, 1, 0),
            ("queued", JobStatus.QUEUED, 0, 0),
        ]
        assert (await newer.get("done")).job.status is JobStatus.SUCCEEDED


async def test_routers_of_different_models_do_not_disturb_each_other(url: str) -> None:
    async with opened(url, ["sd15"]) as one, opened(url, ["sdxl"]) as other:
        await one.insert(job("a", model="sd15"))
        await other.insert(job("b", model="sdxl"))
        with pytest.raises(Superseded):
            await other.insert(job("c", model="sd15"))
        async with opened(url, ["sdxl"]) as newer:
            assert [left.id for left in await newer.adopt(["sdxl"])] == ["b"]
            assert await one.owns(["sd15"])
            assert await one.start("a", 1, 5.0)


async def test_a_model_that_changes_its_router_takes_a_higher_epoch_along(url: str) -> None:
    async with opened(url, ["sd15", "sdxl"]) as both:
        await both.insert(job("a", model="sdxl"))
        async with opened(url, ["sdxl"]) as one:
            assert [left.id for left in await one.adopt(["sdxl"])] == ["a"]
            assert one.epoch > both.epoch
            async with opened(url, ["sd15", "sdxl"]) as again:
                assert again.epoch > one.epoch
                assert [left.id for left in await again.adopt(["sd15", "sdxl"])] == ["a"]


async def test_active_jobs_of_models_that_nobody_serves_any_more_are_ended(url: str, store: JobStore) -> None:
    await store.insert(job("a", model="sdxl"))
    await store.insert(job("b", model="sd15"))
    async with opened(url, ["sd15"]) as newer:
        assert await newer.abandon(["sd15"], failed("model_unavailable", "gone"), 9.0) == 1
        ended = (await newer.get("a")).job
        assert (ended.status, ended.error) == (JobStatus.FAILED, JobError("model_unavailable", "gone"))
        assert (await newer.get("b")).job.status is JobStatus.QUEUED


async def test_lost_attempts_are_counted_and_one_that_ended_with_its_router_is_none(url: str, store: JobStore) -> None:
    await store.insert(job("a"))
    for attempt in (1, 2):
        await store.start("a", attempt, 5.0)
        await store.requeue("a", attempt)
    await store.start("a", 3, 5.0)
    async with opened(url) as newer:
        (adopted,) = await newer.adopt(MODELS)
        assert (adopted.attempt, adopted.losses) == (3, 2)
    assert (await store.get("a")).job.losses == 2


async def test_a_named_submission_is_found_again_by_its_client_alone(store: JobStore) -> None:
    once = Once("my-key", "f" * 64)
    await store.insert(job("a"), once)
    found = await store.repeated("alice", once)
    assert found is not None and found.id == "a"
    assert await store.repeated("bob", once) is None
    assert await store.repeated("alice", Once("other", "f" * 64)) is None
    with pytest.raises(Conflict):
        await store.repeated("alice", Once("my-key", "0" * 64))
    with pytest.raises(Conflict):
        await store.insert(job("b"), once)
    await store.insert(job("c", client="bob"), once)


async def test_a_client_sees_its_own_jobs_an_admin_all_and_the_anonymous_each_others(store: JobStore) -> None:
    clients = ("alice", "bob", "@10.0.0.1", "@10.0.0.2")
    for created_at, client in enumerate(clients):
        await store.insert(job(client.replace("@", "at-"), created_at, client=client))
    assert await page_ids(store, caller=Caller("alice")) == ["alice"]
    assert await page_ids(store, caller=Caller("@10.0.0.1")) == ["at-10.0.0.2", "at-10.0.0.1"]
    assert len(await page_ids(store, caller=Caller("root", admin=True))) == 4
    assert await page_ids(store, caller=Caller("carol")) == []
    for caller in (Caller("alice"), Caller("@10.0.0.1"), Caller("root", admin=True)):
        seen = await page_ids(store, caller=caller)
        assert seen == [name.replace("@", "at-") for name in reversed(clients) if caller.may_see(name)]


async def test_the_list_is_newest_first_and_ties_are_ordered_by_id(store: JobStore) -> None:
    for job_id, created_at in (("a", 1.0), ("c", 2.0), ("b", 2.0), ("d", 3.0)):
        await store.insert(job(job_id, created_at))
    assert await page_ids(store) == ["d", "c", "b", "a"]


async def test_pages_join_without_gaps_or_repeats_while_new_jobs_come(store: JobStore) -> None:
    for number in range(7):
        await store.insert(job(str(number), created_at=number // 2 + 0.1))
    seen, cursor = [], None
    while True:
        page = await store.page(ALICE, status=None, models=Models.but(), limit=3, cursor=cursor)
        seen += [found.id for found in page.jobs]
        await store.insert(job(f"new-{len(seen)}", created_at=100.0))
        if (cursor := page.next_cursor) is None:
            break
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


async def test_the_last_page_has_no_cursor_even_when_it_is_full(store: JobStore) -> None:
    for number in range(2):
        await store.insert(job(str(number)))
    assert (await store.page(ALICE, status=None, models=Models.but(), limit=2)).next_cursor is None


async def test_the_list_filters_by_status_and_model(store: JobStore) -> None:
    await store.insert(job("a", 1.0, "sd15"))
    await store.insert(job("b", 2.0, "sdxl"))
    await store.insert(job("c", 3.0, "sd15"))
    await store.start("c", 1, 4.0)
    assert await page_ids(store, models=Models.only("sd15")) == ["c", "a"]
    assert await page_ids(store, status=JobStatus.QUEUED) == ["b", "a"]
    assert await page_ids(store, status=JobStatus.QUEUED, models=Models.only("sd15")) == ["a"]


def _cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


NO_CURSORS = ["", "x", "!!!!", "é", "ab\x00c", _cursor("1"), _cursor("[1]"), _cursor("[1, 2]"), _cursor('["x", "a"]'),
              _cursor('[NaN, "a"]'), _cursor('[1e999, "a"]'), _cursor("[" * 100_000),
              _cursor('{"a": 1, "b": 2}')]  # fmt: skip


async def test_a_cursor_that_is_none_of_ours_is_refused(store: JobStore) -> None:
    for cursor in NO_CURSORS:
        with pytest.raises(InvalidRequest) as refused:
            await store.page(ALICE, status=None, models=Models.but(), limit=3, cursor=cursor)
        assert refused.value.field == "cursor", cursor[:50]


async def test_an_active_job_can_not_be_deleted(store: JobStore) -> None:
    await store.insert(job("a"))
    await store.delete("a")
    assert (await store.get("a")).job.id == "a"
    await store.finish("a", 0, CANCELLED, 2.0, 2)
    await store.delete("a")
    with pytest.raises(JobNotFound):
        await store.get("a")


async def ended_jobs(store: JobStore, sizes: Sequence[int]) -> None:
    """Jobs ``0``, ``1``, … that ended at 0, 1, …, each with an image of so many bytes; and one that is active."""
    for number, size in enumerate(sizes):
        await store.insert(job(str(number)))
        done = Outcome(JobStatus.SUCCEEDED, (replace(IMAGE, size=size),))
        await store.finish(str(number), 0, done, float(number), 4)
    await store.insert(job("active"))


@pytest.mark.parametrize(
    ("bounds", "due"),
    [
        ({}, []),
        ({"before": 2.0}, ["0", "1"]),
        ({"max_jobs": 1}, ["0", "1", "2"]),
        ({"max_jobs": 0}, ["0", "1", "2", "3"]),
        ({"max_bytes": 30}, ["0", "1"]),
        ({"max_bytes": 29}, ["0", "1", "2"]),
        ({"before": 1.0, "max_jobs": 3, "max_bytes": 1000}, ["0"]),
    ],
)
async def test_jobs_expire_by_age_by_count_and_by_bytes_and_once(
    store: JobStore, bounds: dict[str, float], due: list[str]
) -> None:
    await ended_jobs(store, [10, 10, 20, 10])
    wanted: dict[str, Any] = {"before": None, "max_jobs": None, "max_bytes": None, "limit": 10} | bounds
    assert await store.expiring(**wanted) == due
    await store.expired(due)
    assert [name for name in await store.expiring(**wanted) if name in due] == []
    if due:
        expired = (await store.get("0")).job
        assert (expired.images_expired, expired.images) == (True, (replace(IMAGE, size=10),))


async def test_only_jobs_whose_images_are_gone_are_forgotten(store: JobStore) -> None:
    await ended_jobs(store, [10, 10, 10])
    await store.expired(["0", "2"])
    assert await store.forget(before=2.0, limit=10) == 1
    assert await store.known(["0", "1", "2", "active", "nobody"]) == {"1", "2", "active"}


async def test_a_hundred_writers_and_readers_at_once_all_get_through(store: JobStore) -> None:
    await asyncio.gather(*(store.insert(job(f"{number:03}")) for number in range(100)))
    await asyncio.gather(
        *(store.start(f"{number:03}", 1, 2.0) for number in range(100)),
        *(store.get(f"{number:03}") for number in range(100)),
    )
    assert len(await page_ids(store, status=JobStatus.RUNNING, limit=200)) == 100


async def test_a_reader_that_is_cancelled_leaves_the_store_usable(store: JobStore) -> None:
    await store.insert(job("a"))
    for turns in range(6):
        reading = asyncio.create_task(store.get("a"))
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait({reading})
    assert (await store.get("a")).job.id == "a"

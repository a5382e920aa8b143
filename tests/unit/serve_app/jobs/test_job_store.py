import asyncio
import base64
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deployments.catalog import CATALOG
from deployments.engine.errors import Conflict, InvalidRequest, JobNotFound
from serve_app.jobs.admission import admit
from serve_app.jobs.events import EventId
from serve_app.jobs.job import ImageRef, Job, JobError, JobStatus
from serve_app.jobs.outcome import CANCELLED, Outcome, failed
from serve_app.jobs.store import JobStore, Record, Superseded
from tests.unit.serve_app.jobs.job_fakes import wish

IMAGE = ImageRef(0, "job/1/0", 7, "png", 64, 64, 100)
DONE = Outcome(JobStatus.SUCCEEDED, (IMAGE,), {"total": 1.5})


def job(job_id: str, created_at: float = 1.0, model: str = "sd15") -> Job:
    request = admit(wish(id=job_id, model=model, metadata={"mine": [1, "ü"]}), CATALOG[model]).request
    return Job(job_id, request, JobStatus.QUEUED, 0, created_at)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/data/darkroom.db"


@pytest.fixture
async def store(url: str) -> AsyncIterator[JobStore]:
    store = JobStore(url)
    await store.open()
    yield store
    await store.close()


async def page_ids(store: JobStore, **query: object) -> list[str]:
    page = await store.page(**({"status": None, "model": None, "limit": 100} | query))  # type: ignore[arg-type]
    return [found.id for found in page.jobs]


async def test_a_job_reads_back_as_it_was_written(store: JobStore) -> None:
    written = job("a")
    await store.insert(written)
    assert await store.get("a") == Record(written, None)


async def test_the_database_is_in_write_ahead_mode_and_another_connection_sees_the_row(
    store: JobStore, tmp_path: Path
) -> None:
    await store.insert(job("a"))
    with sqlite3.connect(tmp_path / "data/darkroom.db") as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert other.execute("SELECT id, status FROM jobs").fetchall() == [("a", "queued")]
    other.close()


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
    newer = JobStore(url)
    await newer.open()
    assert newer.epoch == store.epoch + 1
    assert await newer.fail_unfinished(9.0, "restarted") == 1
    assert not await store.start("a", 1, 10.0)
    ended = await store.finish("a", 1, DONE, 10.0, 30)
    assert (ended.status, ended.error) == (JobStatus.FAILED, JobError("interrupted", "restarted"))
    assert (await store.get("a")).last == EventId(newer.epoch, 3)
    with pytest.raises(Superseded):
        await store.insert(job("b"))
    await newer.insert(job("b"))
    await newer.close()


async def test_only_what_was_unfinished_is_failed_at_a_new_start(url: str, store: JobStore) -> None:
    for job_id in ("done", "running", "queued"):
        await store.insert(job(job_id))
    await store.start("running", 1, 5.0)
    await store.finish("done", 0, DONE, 6.0, 4)
    newer = JobStore(url)
    await newer.open()
    assert await newer.fail_unfinished(9.0, "restarted") == 2
    assert (await newer.get("done")).job.status is JobStatus.SUCCEEDED
    await newer.close()


async def test_the_list_is_newest_first_and_ties_are_ordered_by_id(store: JobStore) -> None:
    for job_id, created_at in (("a", 1.0), ("c", 2.0), ("b", 2.0), ("d", 3.0)):
        await store.insert(job(job_id, created_at))
    assert await page_ids(store) == ["d", "c", "b", "a"]


async def test_pages_join_without_gaps_or_repeats_while_new_jobs_come(store: JobStore) -> None:
    for number in range(7):
        await store.insert(job(str(number), created_at=number // 2 + 0.1))
    seen, cursor = [], None
    while True:
        page = await store.page(status=None, model=None, limit=3, cursor=cursor)
        seen += [found.id for found in page.jobs]
        await store.insert(job(f"new-{len(seen)}", created_at=100.0))
        if (cursor := page.next_cursor) is None:
            break
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


async def test_the_last_page_has_no_cursor_even_when_it_is_full(store: JobStore) -> None:
    for number in range(2):
        await store.insert(job(str(number)))
    assert (await store.page(status=None, model=None, limit=2)).next_cursor is None


async def test_the_list_filters_by_status_and_model(store: JobStore) -> None:
    await store.insert(job("a", 1.0, "sd15"))
    await store.insert(job("b", 2.0, "sdxl"))
    await store.insert(job("c", 3.0, "sd15"))
    await store.start("c", 1, 4.0)
    assert await page_ids(store, model="sd15") == ["c", "a"]
    assert await page_ids(store, status=JobStatus.QUEUED) == ["b", "a"]
    assert await page_ids(store, status=JobStatus.QUEUED, model="sd15") == ["a"]


def _cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "!!!!", "é", "ab\x00c", _cursor("1"), _cursor("[1]"), _cursor("[1, 2]"), _cursor('["x", "a"]'),
     _cursor('[NaN, "a"]'), _cursor('[1e999, "a"]'), _cursor("[" * 100_000), _cursor('{"a": 1, "b": 2}')],
)  # fmt: skip
async def test_a_cursor_that_is_none_of_ours_is_refused(store: JobStore, cursor: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await store.page(status=None, model=None, limit=3, cursor=cursor)
    assert refused.value.field == "cursor"


async def test_an_active_job_can_not_be_deleted(store: JobStore) -> None:
    await store.insert(job("a"))
    await store.delete("a")
    assert (await store.get("a")).job.id == "a"
    await store.finish("a", 0, CANCELLED, 2.0, 2)
    await store.delete("a")
    with pytest.raises(JobNotFound):
        await store.get("a")


async def test_jobs_expire_by_the_age_of_their_end_and_once(store: JobStore) -> None:
    for job_id in ("old", "young", "active"):
        await store.insert(job(job_id))
    await store.finish("old", 0, DONE, 10.0, 4)
    await store.finish("young", 0, DONE, 20.0, 4)
    assert await store.expiring(before=15.0, limit=10) == ["old"]
    await store.expired(["old"])
    assert await store.expiring(before=15.0, limit=10) == []
    expired = (await store.get("old")).job
    assert (expired.images_expired, expired.images) == (True, (IMAGE,))


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

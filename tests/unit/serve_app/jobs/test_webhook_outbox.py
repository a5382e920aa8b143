"""The outbox: what is to be told is committed with the state that it tells, on every database."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from serve_app.jobs.job import Job, JobStatus
from serve_app.jobs.outcome import CANCELLED
from serve_app.jobs.store import JobStore
from serve_app.jobs.webhooks.delivery import Delivery
from tests.unit.serve_app.jobs.test_job_store import DONE, job, opened


@pytest.fixture
async def store(url: str) -> AsyncIterator[JobStore]:
    async with opened(url) as store:
        yield store


def news(name: str, due_at: float = 1.0, **fields: Any) -> Delivery:
    told: dict[str, Any] = {
        "model": "sd15", "job_id": "a", "url": "https://receiver.example/", "host": "receiver.example", "body": "{}",
        "tries": 0, "created_at": 1.0,
    }  # fmt: skip
    return Delivery(id=name, due_at=due_at, **(told | fields))


async def put(store: JobStore, *deliveries: Delivery) -> None:
    """Each with a job of its own that is dispatched."""
    for delivery in deliveries:
        await store.insert(job(f"of-{delivery.id}"))
        assert await store.start(f"of-{delivery.id}", 1, 1.0, delivery=delivery)


async def waiting(store: JobStore, now: float = 100.0, limit: int = 100, **but: Any) -> list[str]:
    return [one.id for one in await store.outbox.due(store.epoch, now, limit, **but)]


async def test_a_delivery_reads_back_as_it_was_written(store: JobStore) -> None:
    written = news("m", body='{"type":"job.started"}')
    await put(store, written)
    assert await store.outbox.due(store.epoch, 1.0, 10) == [written]


async def test_every_change_of_a_job_brings_its_news_and_wakes_whoever_sends_it(store: JobStore) -> None:
    await store.insert(job("a"))
    assert not store.outbox.news.is_set()
    await store.start("a", 1, 5.0, delivery=news("started"))
    assert store.outbox.news.is_set()
    await store.requeue("a", 1, delivery=news("restarted"))
    await store.finish("a", 1, DONE, 6.0, 4, delivery=news("complete"))
    assert set(await waiting(store)) == {"started", "restarted", "complete"}


async def test_a_change_that_comes_too_late_tells_nothing(store: JobStore) -> None:
    await store.insert(job("a"))
    await store.finish("a", 0, CANCELLED, 6.0, 4, delivery=news("cancelled"))
    store.outbox.news.clear()
    assert not await store.start("a", 1, 7.0, delivery=news("started"))
    assert not await store.requeue("a", 1, delivery=news("restarted"))
    await store.finish("a", 1, DONE, 8.0, 9, delivery=news("complete"))
    assert await waiting(store) == ["cancelled"]
    assert not store.outbox.news.is_set()


async def test_a_change_whose_news_can_not_be_written_is_not_made(store: JobStore) -> None:
    await put(store, news("taken"))
    await store.insert(job("a"))
    with pytest.raises(IntegrityError):
        await store.start("a", 1, 5.0, delivery=news("taken"))
    assert (await store.get("a")).job.status is JobStatus.QUEUED


async def test_what_ran_when_a_router_stopped_is_told_as_restarted_and_what_waited_is_not(
    url: str, store: JobStore
) -> None:
    for job_id in ("running", "lost", "queued", "done"):
        await store.insert(job(job_id))
    for job_id in ("running", "lost", "done"):
        await store.start(job_id, 1, 5.0)
    await store.requeue("lost", 1)
    await store.finish("done", 1, DONE, 6.0, 4)

    def told(left: Job) -> Delivery:
        return news(f"{left.id} {left.status} {left.attempt}")

    async with opened(url) as newer:
        await newer.adopt(["sd15"], told)
        assert await waiting(newer) == ["running queued 1"]
        await newer.adopt(["sd15"], told)
        assert await waiting(newer) == ["running queued 1"]


async def test_each_router_sends_what_its_own_models_have_to_tell(url: str) -> None:
    async with opened(url, ["sd15", "sdxl"]) as old:
        await put(old, news("one"), news("other", model="sdxl"))
        async with opened(url, ["sdxl"]) as newer:
            assert await waiting(old) == ["one"]
            assert await waiting(newer) == ["other"]
            assert await old.outbox.next_due(old.epoch, 0.0) == 1.0


async def test_those_due_longest_come_first_and_not_before_their_time(store: JobStore) -> None:
    await put(store, news("c", 3.0), news("a", 1.0), news("b", 2.0), news("d", 4.0))
    assert await waiting(store, now=3.0) == ["a", "b", "c"]
    assert await waiting(store, now=3.0, limit=2) == ["a", "b"]
    assert await store.outbox.next_due(store.epoch, 3.0) == 4.0
    assert await store.outbox.next_due(store.epoch, 4.0) is None


async def test_those_under_way_and_those_of_busy_hosts_are_left_out(store: JobStore) -> None:
    await put(store, news("a"), news("b"), news("c", host="slow.example"))
    assert await waiting(store, but=["a"]) == ["b", "c"]
    assert await waiting(store, hosts=["slow.example"]) == ["a", "b"]
    assert await waiting(store, but=["b"], hosts=["slow.example"]) == ["a"]


async def test_a_try_in_vain_is_counted_once_whoever_counts_it(store: JobStore) -> None:
    delivery = news("a")
    await put(store, delivery)
    await store.outbox.put_off(delivery, 6.0)
    await store.outbox.put_off(delivery, 60.0)
    assert await waiting(store, now=5.9) == []
    (found,) = await store.outbox.due(store.epoch, 6.0, 10)
    assert (found.id, found.tries, found.due_at) == ("a", 1, 6.0)


async def test_what_has_arrived_is_gone(store: JobStore) -> None:
    delivery = news("a")
    await put(store, delivery, news("b"))
    await store.outbox.remove(delivery)
    await store.outbox.put_off(delivery, 6.0)
    assert await waiting(store) == ["b"]


async def test_nothing_more_is_told_of_a_job_that_was_deleted(store: JobStore) -> None:
    for job_id in ("a", "b"):
        await store.insert(job(job_id))
        await store.start(job_id, 1, 5.0, delivery=news(f"{job_id} started", job_id=job_id))
    await store.delete("a")
    assert set(await waiting(store)) == {"a started", "b started"}  # it is active: nothing was deleted
    await store.finish("a", 1, CANCELLED, 6.0, 4, delivery=news("a cancelled", job_id="a"))
    await store.delete("a")
    assert await waiting(store) == ["b started"]


async def test_what_nobody_sends_any_more_is_forgotten_by_its_age(store: JobStore) -> None:
    await put(store, news("old", created_at=10.0), news("orphan", created_at=10.0, model="gone"), news("young"))
    await put(store, news("younger", created_at=30.0))
    assert await store.outbox.forget(before=20.0) == 3
    assert await waiting(store) == ["younger"]

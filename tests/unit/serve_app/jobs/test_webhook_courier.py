"""Webhooks of a whole service, sent to real receivers: once they arrive, and again until they do."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from deployments.engine.errors import InvalidRequest
from serve_app.jobs.events import Restarted, Started
from serve_app.jobs.job import Notice, Webhook
from serve_app.jobs.observer import Fact, Notified
from serve_app.jobs.store import Database, JobStore, Outbox
from serve_app.jobs.store.outbox import put
from serve_app.jobs.webhooks.courier import IN_FLIGHT, PER_HOST
from serve_app.jobs.webhooks.delivery import Delivery
from serve_app.jobs.webhooks.schedule import DELAYS_S
from serve_app.settings import WebhookSettings
from tests.unit.serve_app.jobs.job_fakes import ALICE, Clock, House, open_house, stats, turns
from tests.unit.serve_app.jobs.webhook_receivers import SECRET, answering, kinds, receiver, silence

LOCAL = WebhookSettings(secret=SECRET, allow_private=True)
ALL: tuple[Notice, ...] = ("started", "restarted", "complete", "error", "cancelled")
A_LITTLE_LATER_S = 6.0
"""When a second try is due, whatever chance says."""


def telling(data: Path, webhooks: WebhookSettings = LOCAL, **more: Any) -> AbstractAsyncContextManager[House]:
    """A house whose clock is right, for signatures are dated."""
    return open_house(data, webhooks=webhooks, **({"clock": Clock(time.time())} | more))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with telling(tmp_path) as house:
        yield house


async def pending(house: House) -> list[Delivery]:
    """What has not arrived yet, whenever it is due."""
    return await house.store.outbox.due(house.store.epoch, 1e12, 1000)


async def until_settled(house: House, *tries: int) -> None:
    """The outbox holds just these, by their tries so far."""
    while sorted(one.tries for one in await pending(house)) != sorted(tries):
        await turns(1)


async def test_a_receiver_verifies_what_became_of_a_job_and_then_nothing_is_left_to_tell(house: House) -> None:
    async with receiver() as one:
        job_id = await house.submit(webhook=Webhook(url=one.url), metadata={"order": 7}, seed=5, n=2)
        (got,) = await one.until(1)
        told = got.verified()
        assert told["type"] == "job.complete"
        assert told["data"]["job_id"] == job_id
        assert (told["data"]["status"], told["data"]["metadata"]) == ("succeeded", {"order": 7})
        assert [(image["seed"], image["path"]) for image in told["data"]["images"]] == [
            (5, f"/v1/jobs/{job_id}/images/0"),
            (6, f"/v1/jobs/{job_id}/images/1"),
        ]
        await until_settled(house)


async def test_each_kind_of_news_is_told_that_was_asked_for(house: House) -> None:
    async with receiver() as one:
        lost = await house.submit("lose 1", webhook=Webhook(url=one.url, events=ALL))
        await house.until(lost, Restarted)
        house.beat()
        assert sorted(kinds(await one.until(4))) == ["job.complete", "job.restarted", "job.started", "job.started"]
    async with receiver() as one:
        await house.submit("fail out_of_memory", webhook=Webhook(url=one.url))
        waiting = await house.submit("wait", webhook=Webhook(url=one.url, events=("cancelled", "complete")))
        await house.until(waiting, Started)
        await house.cancel(waiting)
        failed, cancelled = sorted((got.verified() for got in await one.until(2)), key=lambda told: told["type"])[::-1]
        assert (failed["type"], failed["data"]["error"]["code"]) == ("job.error", "out_of_memory")
        assert (cancelled["type"], cancelled["data"]["job_id"]) == ("job.cancelled", waiting)


async def test_a_job_that_expires_tells_an_error(tmp_path: Path) -> None:
    async with telling(tmp_path, replicas=False) as house, receiver() as one:
        await house.submit(webhook=Webhook(url=one.url), deadline_s=0.01)
        told = (await one.until(1))[0].verified()
        assert (told["type"], told["data"]["status"], told["data"]["attempt"]) == ("job.error", "expired", 0)
        assert told["data"]["error"]["code"] == "deadline_exceeded"


async def test_the_first_try_waits_for_no_look_at_the_clock(tmp_path: Path) -> None:
    async with telling(tmp_path, watch_every_s=3600) as house, receiver() as one:
        await house.submit(webhook=Webhook(url=one.url))
        await one.until(1)
        await house.submit(webhook=Webhook(url=one.url))
        await one.until(2)


async def test_two_receivers_are_told_of_their_own_jobs(house: House) -> None:
    async with receiver() as one, receiver(host="127.0.0.2") as other:
        first = await house.submit(webhook=Webhook(url=one.url))
        second = await house.submit(webhook=Webhook(url=other.url))
        assert (await one.until(1))[0].verified()["data"]["job_id"] == first
        assert (await other.until(1))[0].verified()["data"]["job_id"] == second
        await until_settled(house)
        assert (len(one.got), len(other.got)) == (1, 1)


@pytest.mark.parametrize("failure", [500, 404, answering(302, "Location: http://127.0.0.1:1/"), b"not HTTP"], ids=str)
async def test_what_did_not_arrive_is_tried_again_after_a_while_under_the_same_id(
    house: House, failure: int | bytes
) -> None:
    async with receiver(failure) as one:
        await house.submit(webhook=Webhook(url=one.url))
        await one.until(1)
        await until_settled(house, 1)
        house.clock.now += 4
        await asyncio.sleep(0.03)  # looks at the clock, all of them too early
        assert len(one.got) == 1
        house.clock.now += A_LITTLE_LATER_S - 4
        first, second = await one.until(2)
        assert (first.id, first.body) == (second.id, second.body)
        assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) >= 5
        second.verified()
        await until_settled(house)


async def test_who_is_busy_is_left_alone_for_as_long_as_it_asked(house: House) -> None:
    async with receiver(answering(429, "Retry-After: 3600")) as one:
        await house.submit(webhook=Webhook(url=one.url))
        await until_settled(house, 1)
        (waiting,) = await pending(house)
        assert waiting.due_at - house.clock.now == pytest.approx(3600, abs=1)


async def test_who_is_gone_is_told_nothing_more(house: House, caplog: pytest.LogCaptureFixture) -> None:
    async with receiver(410) as one:
        job_id = await house.submit(webhook=Webhook(url=one.url))
        await one.until(1)
        await until_settled(house)
        assert len(one.got) == 1
        assert f"job {job_id}: webhook {one.got[0].id} to 127.0.0.1 is given up after 1 tries: HTTP 410" in caplog.text


async def test_every_call_is_seen_with_what_came_of_it(tmp_path: Path) -> None:
    facts: list[Fact] = []
    async with telling(tmp_path, observe=facts.append) as house, receiver(500, 200, 410) as one:
        again = await house.submit(webhook=Webhook(url=one.url))
        await until_settled(house, 1)
        house.clock.now += A_LITTLE_LATER_S
        await until_settled(house)
        gone = await house.submit(webhook=Webhook(url=one.url))
        await one.until(3)
        await until_settled(house)
    calls = [fact for fact in facts if isinstance(fact, Notified)]
    assert calls == [Notified(again, "retried"), Notified(again, "delivered"), Notified(gone, "given_up")]


async def test_after_the_last_try_it_is_given_up_and_the_log_says_so(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    async with receiver(*[500] * 20) as one:
        await house.submit(webhook=Webhook(url=one.url))
        for tries in range(1, len(DELAYS_S) + 1):
            await until_settled(house, tries)
            house.clock.now += DELAYS_S[tries - 1] * 1.2
        await until_settled(house)
        assert len(one.got) == 10
        assert len({got.id for got in one.got}) == 1
        assert "given up after 10 tries: HTTP 500" in caplog.text


async def test_a_restart_of_the_service_between_two_tries_loses_nothing(tmp_path: Path, url: str) -> None:
    async with receiver(500, 500) as one:
        async with telling(tmp_path, database=url) as house:
            await house.submit(webhook=Webhook(url=one.url))
            await until_settled(house, 1)
        async with telling(tmp_path, database=url, clock=Clock(time.time() + A_LITTLE_LATER_S)) as house:
            await until_settled(house, 2)
        async with telling(tmp_path, database=url, clock=Clock(time.time() + 400)) as house:
            await one.until(3)
            await until_settled(house)
        assert len({got.id for got in one.got}) == 1


async def test_a_try_that_a_stop_interrupts_is_made_again(tmp_path: Path, url: str) -> None:
    async with receiver(silence) as one:
        async with telling(tmp_path, database=url) as house:
            await house.submit(webhook=Webhook(url=one.url))
            await one.until(1)
        async with telling(tmp_path, database=url):
            interrupted, again = await one.until(2)
            assert interrupted.id == again.id
            again.verified()


async def test_what_a_crash_interrupted_is_told_as_restarted_by_the_next_router(tmp_path: Path, url: str) -> None:
    async with receiver() as one:
        async with telling(tmp_path, database=url) as house:
            job_id = await house.submit("wait", webhook=Webhook(url=one.url, events=("restarted", "complete")))
            await house.until(job_id, Started)
        async with telling(tmp_path, database=url) as house:
            house.runner.go.set()
            told = {got.verified()["type"]: got.verified()["data"] for got in await one.until(2)}
            assert told["job.restarted"]["attempt"] == told["job.complete"]["attempt"] == 2
            assert told["job.restarted"]["status"] == "queued"


async def test_when_a_newer_router_has_taken_over_the_old_one_sends_no_more(tmp_path: Path, url: str) -> None:
    async with receiver(500) as one, telling(tmp_path, database=url) as old:
        await old.submit(webhook=Webhook(url=one.url))
        await until_settled(old, 1)
        async with telling(tmp_path, database=url, clock=Clock(0)) as newer:
            old.clock.now += A_LITTLE_LATER_S
            await asyncio.sleep(0.03)  # looks at the clock, of both
            assert len(one.got) == 1
            newer.clock.now = old.clock.now
            await one.until(2)
            await until_settled(newer)


async def test_who_is_slow_holds_up_its_own_webhooks_only(house: House) -> None:
    async with receiver(*[silence] * 9) as slow, receiver(host="127.0.0.2") as other:
        for _ in range(9):
            await house.submit(webhook=Webhook(url=slow.url))
        await slow.until(PER_HOST)
        for _ in range(20):
            await house.submit(webhook=Webhook(url=other.url))
        await other.until(20)
        await turns()
        assert slow.most_open == PER_HOST
        assert other.most_open <= PER_HOST


async def test_no_more_than_a_few_are_on_their_way_at_once(house: House) -> None:
    async with AsyncExitStack() as stack:
        hosts = [f"127.0.0.{number}" for number in range(1, 7)]
        slow = [await stack.enter_async_context(receiver(*[silence] * 9, host=host)) for host in hosts]
        for one in slow:
            for _ in range(3):
                await house.submit(webhook=Webhook(url=one.url))
        while sum(one.open for one in slow) < IN_FLIGHT:
            await turns(1)
        await asyncio.sleep(0.03)  # time for more of them
        assert sum(one.open for one in slow) == IN_FLIGHT


class Watched(Outbox):
    """Knows how much was in memory at most."""

    most = 0

    async def due(self, *args: Any, **more: Any) -> list[Delivery]:
        page = await super().due(*args, **more)
        self.most = max(self.most, len(page))
        return page


async def test_thousands_that_wait_for_a_dead_receiver_stay_in_the_database(tmp_path: Path) -> None:
    async with receiver(*[silence] * 9) as dead, receiver(host="127.0.0.2") as other:
        async with telling(tmp_path, WebhookSettings(secret=None)):
            await fill(tmp_path, dead.url, 3000)
        async with telling(tmp_path, store=keeping(Watched)) as house:
            await dead.until(PER_HOST)
            await house.submit(webhook=Webhook(url=other.url))
            await other.until(1)
            assert isinstance(house.store.outbox, Watched)
            assert 0 < house.store.outbox.most <= IN_FLIGHT
            assert dead.most_open == PER_HOST


def keeping(outbox: type[Outbox]) -> Callable[[Database], JobStore]:
    """A store with such an outbox."""

    def make(database: Database) -> JobStore:
        store = JobStore(database)
        store.outbox = outbox(database)
        return store

    return make


async def fill(data: Path, url: str, count: int, model: str = "sd15") -> None:
    """Put ``count`` deliveries into the outbox of the house at ``data``, long due."""
    rows = [Delivery(f"m{n}", model, "a", url, "127.0.0.1", "{}", 0, 1.0, time.time()) for n in range(count)]
    database = Database(f"sqlite+aiosqlite:///{data}/darkroom.db")
    async with database.transaction() as sql:
        await put(sql, rows)
    await database.close()


async def test_a_name_that_leads_to_a_private_address_is_refused_when_it_is_sent_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with receiver() as one, telling(tmp_path, WebhookSettings(secret=SECRET)) as house:
        await house.submit(webhook=Webhook(url=one.url.replace("127.0.0.1", "localhost")))
        await until_settled(house, 1)
        assert one.got == []
        assert "localhost is at 127.0.0.1, which is no public address; again in" in caplog.text


async def test_a_job_whose_webhook_can_not_be_told_does_not_get_in(tmp_path: Path) -> None:
    async with telling(tmp_path, WebhookSettings(secret=SECRET)) as house:
        with pytest.raises(InvalidRequest) as refused:
            await house.submit(webhook=Webhook(url="http://127.0.0.1/"))
        assert refused.value.field == "webhook.url"
    async with telling(tmp_path, WebhookSettings(secret=None)) as house:
        with pytest.raises(InvalidRequest) as refused:
            await house.submit(webhook=Webhook(url="http://receiver.example/"))
        assert refused.value.field == "webhook"
        await house.ended(await house.submit())


async def test_without_a_secret_what_is_to_be_told_waits_for_one(tmp_path: Path) -> None:
    async with receiver() as one:
        async with telling(tmp_path, replicas=False) as house:
            job_id = await house.submit(webhook=Webhook(url=one.url))
        async with telling(tmp_path, WebhookSettings(secret=None)) as house:
            await house.ended(job_id)
            await until_settled(house, 0)
        async with telling(tmp_path):
            assert (await one.until(1))[0].verified()["type"] == "job.complete"


async def test_nothing_more_is_told_of_a_job_that_was_deleted(house: House) -> None:
    async with receiver(500) as one:
        deleted = await house.submit(webhook=Webhook(url=one.url))
        await until_settled(house, 1)
        await house.service.delete(deleted, ALICE)
        house.clock.now += A_LITTLE_LATER_S
        kept = await house.submit(webhook=Webhook(url=one.url))
        _, got = await one.until(2)
        assert got.verified()["data"]["job_id"] == kept
        await until_settled(house)


async def test_what_nobody_has_sent_for_a_month_is_dropped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock(time.time())
    async with telling(tmp_path, clock=clock), receiver() as nobody:
        await fill(tmp_path, nobody.url, 3, model="served-no-more")
    clock.now += 31 * 86400
    async with telling(tmp_path, clock=clock):  # a start sweeps at once
        while "3 webhooks that nobody sends any more were dropped" not in caplog.text:
            await turns(1)


class FullDisk(Outbox):
    """Can't write down the first arrival at the first try."""

    failures = 1

    async def remove(self, delivery: Delivery) -> None:
        self.failures -= 1
        if self.failures >= 0:
            raise OperationalError("DELETE", {}, OSError("disk full"))
        await super().remove(delivery)


async def test_what_arrived_and_can_not_be_written_down_is_not_sent_again_before_it_is(tmp_path: Path) -> None:
    async with receiver() as one, telling(tmp_path, store=keeping(FullDisk)) as house:
        await house.submit(webhook=Webhook(url=one.url))
        await one.until(1)
        await until_settled(house)
        assert len(one.got) == 1


class Away(Outbox):
    """Can't be read at first."""

    failures = 1

    async def due(self, *args: Any, **more: Any) -> list[Delivery]:
        self.failures -= 1
        if self.failures >= 0:
            raise OperationalError("SELECT", {}, OSError("no connection"))
        return await super().due(*args, **more)


async def test_an_outbox_that_can_not_be_read_is_read_later(tmp_path: Path) -> None:
    async with receiver() as one, telling(tmp_path, store=keeping(Away)) as house:
        await house.submit(webhook=Webhook(url=one.url))
        await one.until(1)


async def test_slots_are_free_while_webhooks_wait(house: House) -> None:
    async with receiver(*[silence] * 9) as slow:
        house.beat(stats(max_batch=1))
        for _ in range(3):
            await house.ended(await house.submit(webhook=Webhook(url=slow.url, events=ALL)))

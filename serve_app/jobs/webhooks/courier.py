"""The courier: sends what the outbox has when it is due, and keeps account of it."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from deployments.telemetry.context import about
from serve_app.jobs.observer import CallResult, Notified, Observe, unobserved
from serve_app.jobs.store import JobStore
from serve_app.jobs.tasks import Tasks
from serve_app.jobs.webhooks.delivery import Delivery
from serve_app.jobs.webhooks.network import Resolver
from serve_app.jobs.webhooks.schedule import DELAYS_S, pause_s
from serve_app.jobs.webhooks.sender import Answer, Sender
from serve_app.settings import WebhookSettings

logger = logging.getLogger(__name__)

IN_FLIGHT: Final = 8
"""Tries at once."""

PER_HOST: Final = 2
"""Tries at once to one host: the others are left to those who answer."""

RETRY_S: Final = 1.0
"""Before the database is asked again after it failed."""


class Courier:
    """Sends what the Router's own models have to tell, at least once, until it arrives or ten tries were in vain.

    In memory are the tries under way and nothing else: what waits, waits in the outbox, however much it is. So a stop
    loses nothing. A try that a stop interrupts is made again, and the receiver knows its id.
    """

    def __init__(
        self,
        settings: WebhookSettings,
        *,
        store: JobStore,
        tasks: Tasks,
        clock: Callable[[], float],
        observe: Observe = unobserved,
        look_every_s: float = 1.0,
        delays_s: Sequence[float] = DELAYS_S,
    ) -> None:
        """Without a secret in ``settings`` nothing is sent, and the outbox waits for one.

        Args:
            clock: seconds since the epoch (UTC); looked at every ``look_every_s`` seconds while something waits.
            delays_s: before the second try, the third, and so on.
        """
        self._names = Resolver(IN_FLIGHT)
        self._sender = None if settings.secret is None else Sender(settings, self._names)
        self._store = store
        self._outbox = store.outbox
        self._tasks = tasks
        self._clock = clock
        self._observe = observe
        self._look_every_s = look_every_s
        self._delays_s = delays_s
        self._hosts: dict[str, str] = {}  # of the tries under way, by their ids
        self._stopped = False

    def start(self) -> None:
        """Send from now on what the store's epoch is to send."""
        if self._sender is not None:
            self._tasks.spawn(self._run(self._sender))

    def stop(self) -> None:
        """Begin no more tries. Those under way go on until their tasks are cancelled."""
        self._stopped = True

    def close(self) -> None:
        """Let go of all threads. To be called when all tasks have ended."""
        self._names.close()

    async def _run(self, sender: Sender) -> None:
        while not self._stopped:
            self._outbox.news.clear()
            try:
                await self._rest(await self._fill(sender))
            except Exception:  # the edge of the loop: the rows are still there
                logger.exception("the outbox can't be read; tried again in %g s", RETRY_S)
                await asyncio.sleep(RETRY_S)

    async def _fill(self, sender: Sender) -> float | None:
        """Begin what is due, as far as there is room; when the next falls due, if that is known."""
        epoch, now = self._store.epoch, self._clock()
        while (room := IN_FLIGHT - len(self._hosts)) > 0:
            busy = [host for host, tries in Counter(self._hosts.values()).items() if tries >= PER_HOST]
            page = await self._outbox.due(epoch, now, room, but=list(self._hosts), hosts=busy)
            if not page or self._stopped:
                return await self._outbox.next_due(epoch, now)
            for delivery in page:
                self._begin(sender, delivery)
        return None  # the end of a try makes room, and wakes us

    def _begin(self, sender: Sender, delivery: Delivery) -> None:
        if list(self._hosts.values()).count(delivery.host) < PER_HOST:
            self._hosts[delivery.id] = delivery.host
            self._tasks.spawn(self._deliver(sender, delivery))

    async def _rest(self, until: float | None) -> None:
        """Until there is news, or it is ``until``."""
        while not self._outbox.news.is_set() and (until is None or self._clock() < until):
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look_every_s):
                    await self._outbox.news.wait()

    async def _deliver(self, sender: Sender, delivery: Delivery) -> None:
        about(delivery.job_id)
        try:
            answer = await self._try(sender, delivery)
            due_at = self._next(delivery, answer)
            result: CallResult = "delivered" if answer.accepted else "given_up" if due_at is None else "retried"
            self._observe(Notified(delivery.job_id, result))
            await self._settle(delivery, due_at)
        finally:
            del self._hosts[delivery.id]
            self._outbox.news.set()

    async def _try(self, sender: Sender, delivery: Delivery) -> Answer:
        try:
            return await sender.send(delivery, self._clock())
        except Exception as error:  # the edge of a try: it was in vain, and the log says why
            logger.exception("job %s: webhook %s could not be sent", delivery.job_id, delivery.id)
            return Answer(None, type(error).__name__)

    def _next(self, delivery: Delivery, answer: Answer) -> float | None:
        """When to try again; ``None`` when it has arrived, or is given up."""
        if answer.accepted:
            return None
        tries = delivery.tries + 1
        pause = None if answer.gone else pause_s(tries, random.random(), answer.retry_after_s, self._delays_s)
        told = delivery.job_id, delivery.id, delivery.host, tries, answer.reason
        if pause is None:
            logger.warning("job %s: webhook %s to %s is given up after %d tries: %s", *told)
            return None
        logger.info("job %s: webhook %s to %s, try %d: %s; again in %.0f s", *told, pause)
        return self._clock() + pause

    async def _settle(self, delivery: Delivery, due_at: float | None) -> None:
        """Write it down, as often as it takes: what is not written down is sent again."""
        while True:
            try:
                if due_at is None:
                    await self._outbox.remove(delivery)
                else:
                    await self._outbox.put_off(delivery, due_at)
            except Exception:
                logger.exception("webhook %s: its try can't be written down; again in %g s", delivery.id, RETRY_S)
                await asyncio.sleep(RETRY_S)
            else:
                return

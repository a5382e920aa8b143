"""The start and the stop of a job service."""

import logging
from collections.abc import Collection, Iterable

from serve_app.jobs.recovery import Recovery
from serve_app.jobs.rounds import Round
from serve_app.jobs.store import JobStore
from serve_app.jobs.tasks import Tasks
from serve_app.jobs.tenure import Tenure
from serve_app.jobs.webhooks.courier import Courier

logger = logging.getLogger(__name__)

OWNERSHIP_EVERY_S = 1.0
"""Seconds between looks whether a newer Router has the models of this one."""


class Lifecycle:
    """Takes the jobs of ``models`` over, keeps everything going, and lets go of it."""

    def __init__(
        self,
        *,
        store: JobStore,
        models: Collection[str],
        served: Collection[str] | None,
        recovery: Recovery,
        rounds: Iterable[Round],
        courier: Courier,
        tenure: Tenure,
        tasks: Tasks,
    ) -> None:
        """``served``: every model that any service of this database has; the jobs of others are ended at the start.
        ``None`` leaves that to another service."""
        self._store = store
        self._models = models
        self._served = served
        self._recovery = recovery
        self._rounds = (*rounds, Round(self._check_ownership, OWNERSHIP_EVERY_S))
        self._courier = courier
        self._tenure = tenure
        self._tasks = tasks

    async def start(self) -> None:
        """Take the models' jobs from whoever had them, and go on with what is unfinished."""
        await self._store.take(self._models)
        await self._recovery.recover()
        if self._served is not None:
            await self._recovery.abandon(self._served)
        for each in self._rounds:
            self._tasks.spawn(each.repeat())
        self._courier.start()
        self._tenure.begin()

    async def close(self) -> None:
        """Stop. What is unfinished stays so in the store, for the next service."""
        self._tenure.end()
        await self._tasks.close()
        self._courier.close()

    async def _check_ownership(self) -> None:
        if self._tenure.held and not await self._store.owns(self._models):
            logger.warning("epoch %d: a newer router has taken over", self._store.epoch)
            self._tenure.end()

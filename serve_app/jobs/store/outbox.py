"""The outbox in SQL: webhooks that were committed with the state they tell, and have not arrived yet."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import asdict

from sqlalchemy import ColumnElement, and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from serve_app.jobs.store.database import Database
from serve_app.jobs.store.schema import deliveries, owners
from serve_app.jobs.webhooks.delivery import Delivery


class Outbox:
    """Deliveries, each in the charge of the Router that owns its model.

    ``news`` is set whenever one was committed by this process; whoever sends them clears it.
    """

    def __init__(self, database: Database) -> None:
        self.news = asyncio.Event()
        self._database = database

    async def due(
        self, epoch: int, now: float, limit: int, *, but: Collection[str] = (), hosts: Collection[str] = ()
    ) -> list[Delivery]:
        """At most ``limit`` deliveries that ``epoch`` is to send by ``now``, the longest due first.

        Neither those with ids in ``but``, nor any to ``hosts``.
        """
        query = (
            select(deliveries)
            .where(_owned_by(epoch), deliveries.c.due_at <= now)
            .where(deliveries.c.id.not_in(but), deliveries.c.host.not_in(hosts))
            .order_by(deliveries.c.due_at, deliveries.c.id)
            .limit(limit)
        )
        async with self._database.reading() as sql:
            return [Delivery(**row._mapping) for row in await sql.execute(query)]

    async def next_due(self, epoch: int, after: float) -> float | None:
        """When ``epoch`` has the next one to send that is not due at ``after`` yet."""
        query = select(func.min(deliveries.c.due_at)).where(_owned_by(epoch), deliveries.c.due_at > after)
        async with self._database.reading() as sql:
            found: float | None = (await sql.execute(query)).scalar_one()
        return found

    async def put_off(self, delivery: Delivery, due_at: float) -> None:
        """One more try was in vain. Nothing happens if it is gone, or another Router has counted a try by now."""
        same = and_(deliveries.c.id == delivery.id, deliveries.c.tries == delivery.tries)
        await self._database.write(update(deliveries).where(same).values(tries=delivery.tries + 1, due_at=due_at))

    async def remove(self, delivery: Delivery) -> None:
        """It has arrived, or never will."""
        await self._database.write(delete(deliveries).where(deliveries.c.id == delivery.id))

    async def forget(self, before: float) -> int:
        """Drop what was committed before ``before`` and nobody sends any more; how many that were."""
        return await self._database.write(delete(deliveries).where(deliveries.c.created_at < before))


async def put(sql: AsyncConnection, added: Sequence[Delivery]) -> None:
    """Add deliveries in the transaction of ``sql``."""
    if added:
        await sql.execute(insert(deliveries), [asdict(one) for one in added])


async def drop(sql: AsyncConnection, job_id: str) -> None:
    """Drop what is still to be told of a job, in the transaction of ``sql``."""
    await sql.execute(delete(deliveries).where(deliveries.c.job_id == job_id))


def _owned_by(epoch: int) -> ColumnElement[bool]:
    return deliveries.c.model.in_(select(owners.c.model).where(owners.c.epoch == epoch))

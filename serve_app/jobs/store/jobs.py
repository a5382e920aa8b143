"""The jobs in SQL: every state that was told to a client is committed here first."""

import asyncio
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Update, and_, delete, func, insert, literal, or_, select, update
from sqlalchemy.exc import IntegrityError

from deployments.engine.errors import Conflict, JobNotFound
from serve_app.jobs.caller import Caller, Once
from serve_app.jobs.events import EventId
from serve_app.jobs.job import ACTIVE, TERMINAL, Job, JobPage, JobStatus
from serve_app.jobs.outcome import Outcome
from serve_app.jobs.store.database import Database
from serve_app.jobs.store.outbox import Outbox, drop, put
from serve_app.jobs.store.pages import Models, Wanted, read_page
from serve_app.jobs.store.rows import from_row, images_to_text, to_row
from serve_app.jobs.store.schema import EPOCH, counters, jobs, owners
from serve_app.jobs.webhooks.delivery import Delivery


class Superseded(Exception):
    """A newer Router has taken the jobs of this one's models: this one's writes are refused."""


@dataclass(frozen=True, slots=True)
class Record:
    """A job as committed. ``last`` is the id of its terminal event, in the epoch that ended it; ``None`` before."""

    job: Job
    last: EventId | None


class JobStore:
    """The jobs of some models, for one Router; and to look at, all jobs.

    Each write is one statement, conditional on the epoch that owns the job and on its state, so the first terminal
    write wins whoever else writes; the caller learns which state won. The ``delivery`` that tells of a write is
    committed with it, or not at all.

    ``epoch`` is the one that :meth:`take` took, 0 before. A store that is not the newest any more changes nothing.
    ``outbox`` has what is still to be told.
    """

    def __init__(self, database: Database) -> None:
        """``database`` is opened and closed by whoever made it."""
        self.epoch = 0
        self.outbox = Outbox(database)
        self._database = database

    async def take(self, models: Collection[str]) -> None:
        """Take the next epoch (1 in a new database, and never one twice) and with it the jobs of ``models``.

        Whoever had them before can write no more when this returns.
        """
        async with self._database.transaction() as sql:
            await sql.execute(self._database.insert_if_absent(counters, name=EPOCH, value=0))
            taken = (
                update(counters)
                .where(counters.c.name == EPOCH)
                .values(value=counters.c.value + 1)
                .returning(counters.c.value)
            )
            epoch = int((await sql.execute(taken)).scalar_one())
            for model in sorted(models):  # in order: two Routers that start at once must not wait for each other
                await sql.execute(self._database.insert_if_absent(owners, model=model, epoch=epoch))
                older = and_(owners.c.model == model, owners.c.epoch < epoch)
                await sql.execute(update(owners).where(older).values(epoch=epoch))
        self.epoch = epoch

    async def owns(self, models: Collection[str]) -> bool:
        """Whether no newer epoch has any of ``models``."""
        newer = select(func.count()).where(owners.c.model.in_(sorted(models)), owners.c.epoch > self.epoch)
        async with self._database.reading() as sql:
            return int((await sql.execute(newer)).scalar_one()) == 0

    async def adopt(
        self, models: Collection[str], news: Callable[[Job], Delivery | None] = lambda _job: None
    ) -> list[Job]:
        """Take over what earlier epochs left active of ``models``, to wait again; those jobs, oldest first.

        ``news`` makes the delivery that tells of one which ran.
        """
        left = and_(jobs.c.model.in_(sorted(models)), jobs.c.epoch < self.epoch, _in(ACTIVE))
        ours = and_(jobs.c.model.in_(sorted(models)), jobs.c.epoch == self.epoch, _in(ACTIVE))
        async with self._database.transaction() as sql:
            found = await sql.execute(select(jobs.c.id, jobs.c.status).where(left).with_for_update())
            ran = {row.id for row in found if row.status == JobStatus.RUNNING}
            await sql.execute(update(jobs).where(left).values(epoch=self.epoch, status=JobStatus.QUEUED))
            rows = (await sql.execute(select(jobs).where(ours).order_by(jobs.c.created_at, jobs.c.id))).all()
            adopted = await asyncio.to_thread(lambda: [from_row(row) for row in rows])
            await put(sql, [told for job in adopted if job.id in ran and (told := news(job))])
        return adopted

    async def abandon(self, models: Collection[str], outcome: Outcome, now: float) -> int:
        """End every active job of models other than ``models``, which nobody serves any more; how many there were."""
        values = _ended(outcome, now, last_seq=3) | {"epoch": self.epoch}  # queued, started, error: what is told of it
        unserved = and_(jobs.c.model.not_in(sorted(models)), jobs.c.epoch < self.epoch, _in(ACTIVE))
        return await self._database.write(update(jobs).where(unserved).values(values))

    async def insert(self, job: Job, once: Once | None = None) -> None:
        """Commit a new job.

        Raises:
            Conflict: there is a job with this id, or its client has one under the key of ``once``.
            Superseded: a newer epoch has the jobs of its model.
        """
        row = await asyncio.to_thread(to_row, job, self.epoch, once)
        ours = and_(owners.c.model == row["model"], owners.c.epoch == self.epoch)
        values = (
            select(*(literal(value, jobs.c[name].type) for name, value in row.items()))
            .select_from(owners)
            .where(ours)
            .with_for_update(read=True)  # where rows have locks, a Router that takes over waits for this job
        )
        try:
            async with self._database.transaction() as sql:
                inserted = (await sql.execute(insert(jobs).from_select(list(row), values))).rowcount
        except IntegrityError:
            raise Conflict(f"there is a job {job.id} already") from None
        if not inserted:
            raise Superseded

    async def start(self, job_id: str, attempt: int, now: float, *, delivery: Delivery | None = None) -> bool:
        """Commit the dispatch of ``attempt`` (the one before it + 1); False if the job is no longer to be run."""
        ours = and_(self._ours(job_id), jobs.c.attempt == attempt - 1)
        first = update(jobs).where(ours).values(status=JobStatus.RUNNING, attempt=attempt)
        if attempt == 1:
            first = first.values(started_at=now)
        return await self._write(first, delivery)

    async def requeue(self, job_id: str, attempt: int, *, delivery: Delivery | None = None) -> bool:
        """Commit that ``attempt`` ended with its replica, which counts as a loss, and that the job waits again; False
        if the job is no longer to be run."""
        ours = and_(self._ours(job_id), jobs.c.attempt == attempt)
        values = {"status": JobStatus.QUEUED, "losses": jobs.c.losses + 1}
        return await self._write(update(jobs).where(ours).values(values), delivery)

    async def finish(
        self,
        job_id: str,
        attempt: int,
        outcome: Outcome,
        now: float,
        last_seq: int,
        *,
        delivery: Delivery | None = None,
    ) -> Job:
        """Commit a terminal state, if the job is active and no attempt after ``attempt`` was made; the state that won.

        ``attempt`` is the newest that the caller knows: a cancel may overtake the commit of its dispatch.

        Raises:
            JobNotFound: the job is gone.
        """
        ours = and_(self._ours(job_id), jobs.c.attempt <= attempt)
        await self._write(update(jobs).where(ours).values(_ended(outcome, now, last_seq)), delivery)
        return (await self.get(job_id)).job

    async def get(self, job_id: str) -> Record:
        """The job as committed.

        Raises:
            JobNotFound: there is none.
        """
        async with self._database.reading() as sql:
            row = (await sql.execute(select(jobs).where(jobs.c.id == job_id))).one_or_none()
        if row is None:
            raise JobNotFound(job_id)
        return Record(from_row(row), EventId(row.epoch, row.last_seq) if row.last_seq else None)

    async def repeated(self, client: str, once: Once) -> Job | None:
        """The job that ``client`` has under the key of ``once``, if there is one.

        Raises:
            Conflict: there is one, and something else was asked for.
        """
        query = select(jobs).where(jobs.c.client == client, jobs.c.idempotency_key == once.key)
        async with self._database.reading() as sql:
            row = (await sql.execute(query)).one_or_none()
        if row is None:
            return None
        if row.fingerprint != once.fingerprint:
            raise Conflict(f"job {row.id} was submitted under this name with another body")
        return from_row(row)

    async def page(
        self,
        caller: Caller,
        *,
        status: JobStatus | None,
        models: Models,
        limit: int,
        text: str | None = None,
        cursor: str | None = None,
    ) -> JobPage:
        """At most ``limit`` jobs that ``caller`` may see, of ``models``, newest first, after ``cursor``; see
        :func:`~serve_app.jobs.store.pages.read_page`."""
        wanted = Wanted(caller, models, status, text)
        return await read_page(self._database, wanted, limit=limit, cursor=cursor)

    async def delete(self, job_id: str) -> None:
        """Forget a job that is not active, and what was still to be told of it; nothing if it is active or gone."""
        async with self._database.transaction() as sql:
            if (await sql.execute(delete(jobs).where(jobs.c.id == job_id, _in(TERMINAL)))).rowcount:
                await drop(sql, job_id)  # the id may be used again, for another job

    async def expiring(
        self, *, before: float | None, max_jobs: int | None, max_bytes: int | None, limit: int
    ) -> list[str]:
        """At most ``limit`` ids of ended jobs that may have something in the blob store and are past a bound.

        They ended before ``before``; or as many as ``max_jobs`` newer ones, or newer ones with images of ``max_bytes``,
        are still kept. ``None`` is no bound.
        """
        newest_first = (jobs.c.finished_at.desc(), jobs.c.id.desc())
        kept = (
            select(
                jobs.c.id,
                jobs.c.finished_at,
                func.row_number().over(order_by=newest_first).label("rank"),
                func.sum(jobs.c.size).over(order_by=newest_first, rows=(None, 0)).label("total"),
            )
            .where(jobs.c.images_expired.is_(False), jobs.c.finished_at.is_not(None))
            .subquery()
        )
        past = [
            *([] if before is None else [kept.c.finished_at < before]),
            *([] if max_jobs is None else [kept.c.rank > max_jobs]),
            *([] if max_bytes is None else [kept.c.total > max_bytes]),
        ]
        if not past:
            return []
        query = select(kept.c.id).where(or_(*past)).order_by(kept.c.finished_at).limit(limit)
        async with self._database.reading() as sql:
            return list((await sql.execute(query)).scalars())

    async def forget(self, before: float, limit: int) -> int:
        """Delete at most ``limit`` jobs that ended before ``before`` and whose images are gone; how many."""
        due = select(jobs.c.id).where(jobs.c.images_expired, jobs.c.finished_at < before).limit(limit)
        async with self._database.transaction() as sql:
            return (await sql.execute(delete(jobs).where(jobs.c.id.in_(due)))).rowcount

    async def known(self, job_ids: Collection[str]) -> set[str]:
        """Those of ``job_ids`` that there are."""
        query = select(jobs.c.id).where(jobs.c.id.in_(sorted(job_ids)))
        async with self._database.reading() as sql:
            return set((await sql.execute(query)).scalars())

    async def expired(self, job_ids: list[str]) -> None:
        """Mark that these jobs have nothing in the blob store any more."""
        await self._database.write(update(jobs).where(jobs.c.id.in_(job_ids)).values(images_expired=True))

    async def _write(self, change: Update, delivery: Delivery | None) -> bool:
        """Commit ``change`` and, if there is a job that it changes, the delivery; whether there is one."""
        async with self._database.transaction() as sql:
            changed = (await sql.execute(change)).rowcount == 1
            if changed and delivery is not None:
                await put(sql, [delivery])
        if changed and delivery is not None:
            self.outbox.news.set()
        return changed

    def _ours(self, job_id: str) -> ColumnElement[bool]:
        """The condition of every write to a job under way: this epoch owns it, and nothing has ended it."""
        return and_(jobs.c.id == job_id, jobs.c.epoch == self.epoch, _in(ACTIVE))


def _in(statuses: frozenset[JobStatus]) -> ColumnElement[bool]:
    return jobs.c.status.in_(sorted(status.value for status in statuses))


def _ended(outcome: Outcome, now: float, last_seq: int) -> dict[str, Any]:
    """The columns of a terminal state."""
    return {
        "status": outcome.status,
        "finished_at": now,
        "images": images_to_text(outcome.images),
        "size": sum(image.size for image in outcome.images),
        "timings": None if outcome.timings is None else json.dumps(outcome.timings),
        "error_code": outcome.error and outcome.error.code,
        "error_message": outcome.error and outcome.error.message,
        "last_seq": last_seq,
    }

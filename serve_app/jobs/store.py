"""The jobs in SQL: every state that was told to a client is committed here first."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Update, and_, delete, event, insert, literal, or_, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from deployments.engine.errors import Conflict, Interrupted, JobNotFound
from serve_app.jobs import cursor as cursors
from serve_app.jobs.events import EventId
from serve_app.jobs.job import ACTIVE, TERMINAL, Job, JobPage, JobStatus
from serve_app.jobs.outcome import Outcome
from serve_app.jobs.schema import EPOCH, counters, from_row, images_to_text, jobs, metadata, to_row


class Superseded(Exception):
    """A newer Router has taken the next epoch: this one's writes are refused."""


@dataclass(frozen=True, slots=True)
class Record:
    """A job as committed. ``last`` is the id of its terminal event, in the epoch that ended it; ``None`` before."""

    job: Job
    last: EventId | None


class JobStore:
    """One SQL database, by SQLAlchemy URL with an asynchronous driver; a SQLite file is made if it is not there.

    Each write is one statement, conditional on the epoch that owns the job and on its state, so the first terminal
    write wins whoever else writes; the caller learns which state won.

    ``epoch`` is the one that :meth:`open` took, 0 before. A store that is not the newest any more changes nothing.
    """

    def __init__(self, url: str) -> None:
        self.epoch = 0
        self._url = make_url(url)
        self._engine = create_async_engine(self._url)
        self._writing = asyncio.Lock()  # SQLite has one writer: waiting here is in order, in its busy handler it is not
        if self._url.get_backend_name() == "sqlite":
            event.listen(self._engine.sync_engine, "connect", _write_ahead)

    async def open(self) -> None:
        """Make the schema if it is not there, and take the next epoch (1 in a new database)."""
        if self._url.get_backend_name() == "sqlite" and self._url.database:
            await asyncio.to_thread(Path(self._url.database).parent.mkdir, parents=True, exist_ok=True)
        async with self._transaction() as sql:
            await sql.run_sync(metadata.create_all)
            absent = ~select(counters).where(counters.c.name == EPOCH).exists()
            first = select(literal(EPOCH), literal(0)).where(absent)
            await sql.execute(insert(counters).from_select(["name", "value"], first))
        async with self._transaction() as sql:
            taken = (
                update(counters)
                .where(counters.c.name == EPOCH)
                .values(value=counters.c.value + 1)
                .returning(counters.c.value)
            )
            self.epoch = int((await sql.execute(taken)).scalar_one())

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    async def fail_unfinished(self, now: float, message: str) -> int:
        """End what an earlier epoch left active as ``interrupted``; how many there were."""
        values = {
            "epoch": self.epoch,
            "status": JobStatus.FAILED,
            "finished_at": now,
            "error_code": Interrupted.code,
            "error_message": message,
            "last_seq": 3,  # queued, started, error: what a follower is told of it
        }
        return await self._write(update(jobs).where(jobs.c.epoch < self.epoch, _in(ACTIVE)).values(values))

    async def insert(self, job: Job) -> None:
        """Commit a new job.

        Raises:
            Conflict: there is a job with this id.
            Superseded: this store's epoch is not the newest.
        """
        row = await asyncio.to_thread(to_row, job, self.epoch)
        ours = select(counters).where(counters.c.name == EPOCH, counters.c.value == self.epoch).exists()
        values = select(*(literal(value, jobs.c[name].type) for name, value in row.items())).where(ours)
        try:
            async with self._transaction() as sql:
                inserted = (await sql.execute(insert(jobs).from_select(list(row), values))).rowcount
        except IntegrityError:
            raise Conflict(f"there is a job {job.id} already") from None
        if not inserted:
            raise Superseded

    async def start(self, job_id: str, attempt: int, now: float) -> bool:
        """Commit the dispatch of ``attempt`` (the one before it + 1); False if the job is no longer to be run."""
        ours = and_(self._ours(job_id), jobs.c.attempt == attempt - 1)
        first = update(jobs).where(ours).values(status=JobStatus.RUNNING, attempt=attempt)
        if attempt == 1:
            first = first.values(started_at=now)
        return await self._write(first) == 1

    async def requeue(self, job_id: str, attempt: int) -> bool:
        """Commit that ``attempt`` is lost and the job waits again; False if the job is no longer to be run."""
        ours = and_(self._ours(job_id), jobs.c.attempt == attempt)
        return await self._write(update(jobs).where(ours).values(status=JobStatus.QUEUED)) == 1

    async def finish(self, job_id: str, attempt: int, outcome: Outcome, now: float, last_seq: int) -> Job:
        """Commit a terminal state, if the job is active and no attempt after ``attempt`` was made; the state that won.

        ``attempt`` is the newest that the caller knows: a cancel may overtake the commit of its dispatch.

        Raises:
            JobNotFound: the job is gone.
        """
        values = {
            "status": outcome.status,
            "finished_at": now,
            "images": images_to_text(outcome.images),
            "timings": None if outcome.timings is None else json.dumps(outcome.timings),
            "error_code": outcome.error and outcome.error.code,
            "error_message": outcome.error and outcome.error.message,
            "last_seq": last_seq,
        }
        ours = and_(self._ours(job_id), jobs.c.attempt <= attempt)
        await self._write(update(jobs).where(ours).values(values))
        return (await self.get(job_id)).job

    async def get(self, job_id: str) -> Record:
        """The job as committed.

        Raises:
            JobNotFound: there is none.
        """
        async with self._engine.connect() as sql:
            row = (await sql.execute(select(jobs).where(jobs.c.id == job_id))).one_or_none()
        if row is None:
            raise JobNotFound(job_id)
        return Record(from_row(row), EventId(row.epoch, row.last_seq) if row.last_seq else None)

    async def page(
        self, *, status: JobStatus | None, model: str | None, limit: int, cursor: str | None = None
    ) -> JobPage:
        """At most ``limit`` jobs, newest first, after ``cursor``.

        Raises:
            InvalidRequest: ``cursor`` is no cursor of this list.
        """
        query = select(jobs).order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit + 1)
        if status is not None:
            query = query.where(jobs.c.status == status.value)
        if model is not None:
            query = query.where(jobs.c.model == model)
        if cursor is not None:
            created_at, job_id = cursors.decode(cursor)
            older = jobs.c.created_at < created_at
            query = query.where(or_(older, and_(jobs.c.created_at == created_at, jobs.c.id < job_id)))
        async with self._engine.connect() as sql:
            rows = (await sql.execute(query)).all()
        found = await asyncio.to_thread(lambda: tuple(from_row(row) for row in rows[:limit]))
        return JobPage(found, cursors.encode(found[-1]) if len(rows) > limit else None)

    async def delete(self, job_id: str) -> None:
        """Forget a job that is not active; nothing happens if it is active or gone."""
        async with self._transaction() as sql:
            await sql.execute(delete(jobs).where(jobs.c.id == job_id, _in(TERMINAL)))

    async def expiring(self, before: float, limit: int) -> list[str]:
        """At most ``limit`` ids of jobs that ended before ``before`` and may still have something in the blob store."""
        query = select(jobs.c.id).where(jobs.c.images_expired.is_(False), jobs.c.finished_at < before).limit(limit)
        async with self._engine.connect() as sql:
            return list((await sql.execute(query)).scalars())

    async def expired(self, job_ids: list[str]) -> None:
        """Mark that these jobs have nothing in the blob store any more."""
        await self._write(update(jobs).where(jobs.c.id.in_(job_ids)).values(images_expired=True))

    def _ours(self, job_id: str) -> ColumnElement[bool]:
        """The condition of every write to a job under way: this epoch owns it, and nothing has ended it."""
        return and_(jobs.c.id == job_id, jobs.c.epoch == self.epoch, _in(ACTIVE))

    async def _write(self, statement: Update) -> int:
        """Commit one statement; how many rows it changed."""
        async with self._transaction() as sql:
            return (await sql.execute(statement)).rowcount

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        async with self._writing, self._engine.begin() as sql:
            yield sql


def _in(statuses: frozenset[JobStatus]) -> ColumnElement[bool]:
    return jobs.c.status.in_(sorted(status.value for status in statuses))


def _write_ahead(connection: Any, _record: Any) -> None:
    """SQLite's write-ahead log: readers and the writer do not wait for each other. Commits stay synced to disk."""
    sql = connection.cursor()
    sql.execute("PRAGMA journal_mode=WAL")
    sql.close()

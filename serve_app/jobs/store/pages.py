"""The list of jobs in SQL, newest first, a page at a time."""

import asyncio
from dataclasses import dataclass
from typing import Final, Self

from sqlalchemy import ColumnElement, and_, not_, or_, select, true

from serve_app.jobs import cursor as cursors
from serve_app.jobs.caller import ANONYMOUS, Caller
from serve_app.jobs.job import JobPage, JobStatus
from serve_app.jobs.paging import folded
from serve_app.jobs.store.database import Database
from serve_app.jobs.store.rows import from_row
from serve_app.jobs.store.schema import jobs

SEARCHED: Final = 10_000
"""Jobs whose prompts are looked at for one page: a text that is rare must not make a query read the whole table."""


@dataclass(frozen=True, slots=True)
class Models:
    """Some models: those in ``names``, or all but those."""

    names: frozenset[str]
    are_left_out: bool = False

    @classmethod
    def only(cls, *names: str) -> Self:
        """These."""
        return cls(frozenset(names))

    @classmethod
    def but(cls, *names: str) -> Self:
        """All but these."""
        return cls(frozenset(names), are_left_out=True)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs: those that ``caller`` may see, of ``models``, in this state, whose prompts contain ``text``."""

    caller: Caller
    models: Models
    status: JobStatus | None = None
    text: str | None = None


async def read_page(
    database: Database, wanted: Wanted, *, limit: int, cursor: str | None, searched: int = SEARCHED
) -> JobPage:
    """At most ``limit`` jobs, newest first, after ``cursor``.

    The work is bounded. Without a text the indices are read in the order of the list, as far as the page goes. With one
    the ``searched`` next jobs are looked at, whatever is found in them: a page may be short, or empty, and have a
    ``next_cursor`` that goes on behind them.

    Raises:
        InvalidRequest: ``cursor`` is no cursor of this list.
    """
    among = jobs.c.model.in_(sorted(wanted.models.names))
    conditions = [_seen_by(wanted.caller), not_(among) if wanted.models.are_left_out else among]
    if wanted.status is not None:
        conditions.append(jobs.c.status == wanted.status.value)
    if cursor is not None:
        conditions.append(_older(cursors.decode(cursor)))
    in_order = jobs.c.created_at.desc(), jobs.c.id.desc()
    end: cursors.Key | None = None
    async with database.reading() as sql:
        if wanted.text is not None:
            keys = select(jobs.c.created_at, jobs.c.id).where(*conditions).order_by(*in_order)
            last = (await sql.execute(keys.offset(searched - 1).limit(2))).all()
            if len(last) == 2:
                end = last[0].created_at, last[0].id
                conditions.append(_not_older(end))
            conditions.append(jobs.c.prompt_folded.contains(folded(wanted.text), autoescape=True))
        rows = (await sql.execute(select(jobs).where(*conditions).order_by(*in_order).limit(limit + 1))).all()
    found = await asyncio.to_thread(lambda: tuple(from_row(row) for row in rows[:limit]))
    if len(rows) > limit:
        end = cursors.key(found[-1])
    return JobPage(found, None if end is None else cursors.encode(end))


def _older(key: cursors.Key) -> ColumnElement[bool]:
    """Behind the job with this key."""
    created_at, job_id = key
    # the first condition is what an index can be entered by
    return and_(jobs.c.created_at <= created_at, or_(jobs.c.created_at < created_at, jobs.c.id < job_id))


def _not_older(key: cursors.Key) -> ColumnElement[bool]:
    """The job with this key, or before it."""
    created_at, job_id = key
    return and_(jobs.c.created_at >= created_at, or_(jobs.c.created_at > created_at, jobs.c.id >= job_id))


def _seen_by(caller: Caller) -> ColumnElement[bool]:
    """The condition that :meth:`Caller.may_see` is, in SQL."""
    if caller.admin:
        return true()
    if caller.is_anonymous:
        return jobs.c.client.startswith(ANONYMOUS)
    return jobs.c.client == caller.client

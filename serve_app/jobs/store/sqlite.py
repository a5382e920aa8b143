"""What SQLite needs of us: connections that end before their event loop does, and a log that writers don't wait for."""

import asyncio
import sqlite3
from contextlib import suppress
from functools import partial
from typing import Any, Final

import aiosqlite
from sqlalchemy import Connection, event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

BUSY_TIMEOUT_S: Final = 30.0
"""How long SQLite waits for another process that writes (a second Router on the same file)."""

WRITES: Final = "darkroom_writes"
"""An execution option of connections whose transactions take the writer's place when they begin."""


class Connections:
    """The threads of one database's connections (the driver runs each connection in a thread of its own).

    A connection whose caller is cancelled is ended by nobody who waits for it: its thread would answer to an event
    loop that may be closed by then.
    """

    def __init__(self) -> None:
        self._ending: set[asyncio.Future[None]] = set()

    async def connect(self, path: str, **options: Any) -> aiosqlite.Connection:
        """A new connection (SQLAlchemy's `async_creator_fn`; the options are `sqlite3.connect`'s)."""
        return await _Connection(partial(sqlite3.connect, path, **options), self._ending)

    async def ended(self) -> None:
        """Wait for every thread whose connection was told to end."""
        await asyncio.gather(*self._ending)


class _Connection(aiosqlite.Connection):
    def __init__(self, connector: partial[sqlite3.Connection], ending: set[asyncio.Future[None]]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._ending = ending
        self._thread.daemon = True  # one that nobody ends does not keep the process

    def stop(self) -> asyncio.Future[None] | None:
        ended: asyncio.Future[None] | None = super().stop()
        if ended is not None:
            self._ending.add(ended)
            ended.add_done_callback(self._ending.discard)
        return ended


def engine(url: URL, connections: Connections) -> AsyncEngine:
    """SQLAlchemy's engine for a SQLite file: write-ahead log, and transactions that begin where we say it."""
    options = {"timeout": BUSY_TIMEOUT_S, "async_creator_fn": connections.connect}
    made = create_async_engine(url, connect_args=options)
    event.listen(made.sync_engine, "connect", _write_ahead)
    event.listen(made.sync_engine, "begin", _begin)
    return made


def _write_ahead(connection: Any, _record: Any) -> None:
    """SQLite's write-ahead log: readers and the writer do not wait for each other. Commits stay synced to disk."""
    connection.isolation_level = None  # the driver would begin transactions by itself, late and never immediate
    sql = connection.cursor()
    with suppress(sqlite3.OperationalError):  # another process is just switching it, for all: the mode is the file's
        sql.execute("PRAGMA journal_mode=WAL")
    sql.close()


def _begin(connection: Connection) -> None:
    """A transaction that will write takes the writer's place at once: one that reads first could not wait for it."""
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

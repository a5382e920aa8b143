"""One SQL database by URL: its connections and its schema. SQLite embedded, PostgreSQL for clusters."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Delete, Insert, Table, Update, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from serve_app.jobs.store import sqlite

MIGRATIONS: Final = "serve_app.jobs.store:migrations"

FIRST_REVISION: Final = "0001"
"""The schema of databases that are older than the migrations."""

_SCHEMA_LOCK: Final = 0x6461726B726F6F6D  # "darkroom"


class Database:
    """A SQLAlchemy URL with an asynchronous driver; a SQLite file is made if it is not there.

    Not to be shared between event loops. Everything raises SQLAlchemy's own errors where the database can't be reached.
    """

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._is_sqlite = self._url.get_backend_name() == "sqlite"
        self._connections = sqlite.Connections()
        self._engine = (
            sqlite.engine(self._url, self._connections)
            if self._is_sqlite
            else create_async_engine(self._url, pool_pre_ping=True)  # a database server restarts without telling
        )
        self._writing = asyncio.Lock()  # SQLite has one writer: waiting here is in order, in its busy handler it is not

    async def open(self) -> None:
        """Bring the schema to the newest revision; whoever else is at it is waited for."""
        if self._is_sqlite and self._url.database:
            await asyncio.to_thread(Path(self._url.database).parent.mkdir, parents=True, exist_ok=True)
        async with self.transaction() as sql:
            if not self._is_sqlite:  # SQLite's transaction holds the only writer's place already
                await sql.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SCHEMA_LOCK})
            await sql.run_sync(_migrate)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()
        await self._connections.ended()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for queries."""
        async with self._engine.connect() as sql:
            yield sql

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed at the end, and rolled back if the body raises."""
        if not self._is_sqlite:
            async with self._engine.begin() as sql:
                yield sql
            return
        async with self._writing, self._engine.connect() as sql:
            await sql.execution_options(**{sqlite.WRITES: True})
            async with sql.begin():
                yield sql

    async def write(self, statement: Update | Delete) -> int:
        """Commit one statement; how many rows it changed."""
        async with self.transaction() as sql:
            return (await sql.execute(statement)).rowcount

    def insert_if_absent(self, table: Table, **values: object) -> Insert:
        """A statement that adds a row, unless one with its key is there."""
        kind = sqlite_dialect.insert if self._is_sqlite else postgresql.insert
        return kind(table).values(**values).on_conflict_do_nothing()


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    config.attributes["connection"] = connection
    found = set(inspect(connection).get_table_names())
    if "jobs" in found and "alembic_version" not in found:
        command.stamp(config, FIRST_REVISION)
    command.upgrade(config, "head")

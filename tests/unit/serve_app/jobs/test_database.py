"""A database's connections end with it, whatever became of those who used them."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve_app.jobs.store.database import Database


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What threads raised."""
    seen: list[str] = []
    before, threading.excepthook = threading.excepthook, lambda told: seen.append(repr(told.exc_value))
    yield seen
    threading.excepthook = before


@pytest.mark.parametrize("turns", range(8))
def test_a_reader_cancelled_at_any_moment_leaves_no_thread_that_outlives_the_event_loop(
    turns: int, tmp_path: Path, complaints: list[str]
) -> None:
    async def cancelled() -> None:
        database = Database(f"sqlite+aiosqlite:///{tmp_path}/jobs.db")
        reader = asyncio.create_task(_read(database))
        for _ in range(turns):
            await asyncio.sleep(0)
        reader.cancel()
        await asyncio.wait({reader})
        await database.close()

    for _ in range(5):
        asyncio.run(cancelled())
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            thread.join()
    assert complaints == []


async def _read(database: Database) -> None:
    async with database.reading():
        pass

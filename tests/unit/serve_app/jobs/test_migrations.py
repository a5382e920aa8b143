"""The schema's history: an old database becomes a new one and keeps its jobs; and the tables are as the code says."""

import asyncio
import json
import sqlite3
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from serve_app.jobs.caller import Caller
from serve_app.jobs.job import JobStatus
from serve_app.jobs.store import Database, JobStore, Models
from serve_app.jobs.store.database import MIGRATIONS
from serve_app.jobs.store.schema import metadata
from tests.unit.serve_app.jobs.job_fakes import wish

FIRST = """
CREATE TABLE jobs (
    id VARCHAR(64) NOT NULL PRIMARY KEY, model VARCHAR(200) NOT NULL, status VARCHAR(16) NOT NULL,
    epoch BIGINT NOT NULL, attempt INTEGER NOT NULL, request TEXT NOT NULL, created_at DOUBLE NOT NULL,
    started_at DOUBLE, finished_at DOUBLE, images TEXT NOT NULL, images_expired BOOLEAN NOT NULL,
    error_code VARCHAR(64), error_message TEXT, timings TEXT, last_seq BIGINT NOT NULL
);
CREATE INDEX jobs_by_age ON jobs (created_at, id);
CREATE INDEX jobs_by_model ON jobs (model, created_at, id);
CREATE INDEX jobs_by_status ON jobs (status, created_at, id);
CREATE INDEX jobs_by_end ON jobs (images_expired, finished_at);
CREATE TABLE counters (name VARCHAR(64) NOT NULL PRIMARY KEY, value BIGINT NOT NULL);
INSERT INTO counters VALUES ('epoch', 41);
"""
"""The database of the first release, before there were migrations."""


async def test_a_database_from_before_the_migrations_keeps_its_jobs_and_its_epoch(tmp_path: Path) -> None:
    request = json.loads(wish(id="old", seed=7).model_dump_json())
    for newer in ("priority", "deadline_s", "webhook"):
        del request[newer]
    with sqlite3.connect(tmp_path / "old.db") as old:
        old.executescript(FIRST)
        row = ("old", "sd15", "queued", 41, 0, json.dumps(request), 1.0, "[]", False, 0)
        names = "id, model, status, epoch, attempt, request, created_at, images, images_expired, last_seq"
        old.execute(f"INSERT INTO jobs ({names}) VALUES (?,?,?,?,?,?,?,?,?,?)", row)
    old.close()
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/old.db")
    await database.open()
    store = JobStore(database)
    await store.take(["sd15"])
    assert store.epoch == 42
    (job,) = await store.adopt(["sd15"])
    assert (job.id, job.status, job.request.priority) == ("old", JobStatus.QUEUED, "normal")
    assert Caller("root", admin=True).may_see(job.client)
    await database.close()


async def test_the_prompts_of_jobs_from_before_there_was_a_search_are_found(url: str) -> None:
    database = Database(url)

    def before(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", MIGRATIONS)
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")

    if url.startswith("sqlite"):
        await asyncio.to_thread(Path(url.partition("///")[2]).parent.mkdir)
    row = "INSERT INTO jobs (id, model, status, epoch, attempt, request, created_at, images, images_expired, last_seq) "
    row += "VALUES (:id, 'sd15', 'failed', 1, 1, :request, :created_at, '[]', false, 3)"
    many = [
        {"id": f"job-{number}", "created_at": number, "request": wish(f"Ein GROẞES Schloß {number}").model_dump_json()}
        for number in range(1203)
    ]
    async with database.transaction() as sql:
        await sql.run_sync(before)
        await sql.execute(text(row), many)
    await database.open()
    store = JobStore(database)
    everything = {"caller": Caller("root", admin=True), "status": None, "models": Models.but(), "limit": 200}
    found = [(await store.page(text=f"GROSSES SCHLOSS {number}", **everything)).jobs for number in (0, 777, 1202)]  # type: ignore[arg-type]
    assert [[job.id for job in jobs] for jobs in found] == [["job-0"], ["job-777"], ["job-1202"]]
    await database.close()


async def test_a_new_database_is_what_the_code_says_and_opening_it_again_changes_nothing(url: str) -> None:
    database = Database(url)
    await database.open()
    await database.open()

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with database.reading() as sql:
        found = await sql.run_sync(differences)
    assert [difference for difference in found if "comment" not in str(difference)] == []
    await database.close()


async def test_many_processes_may_open_a_new_database_at_once(url: str) -> None:
    databases = [Database(url) for _ in range(5)]
    await asyncio.gather(*(database.open() for database in databases))
    stores = [JobStore(database) for database in databases]
    await asyncio.gather(*(store.take(["sd15"]) for store in stores))
    assert sorted(store.epoch for store in stores) == [1, 2, 3, 4, 5]
    await asyncio.gather(*(database.close() for database in databases))

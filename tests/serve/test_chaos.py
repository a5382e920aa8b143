"""A short run of ``python -m benchmarks.chaos``: processes are killed while jobs run, and nothing is lost."""

import asyncio

import pytest

from benchmarks.chaos.__main__ import run, service
from tests.serve.service import free_port


@pytest.mark.parametrize("database", ["postgresql"])
def test_jobs_end_once_with_the_same_pictures_while_processes_are_killed(database: str) -> None:
    with service(database, free_port()) as (url, keys):
        found = asyncio.run(run(url, keys, seed=7, jobs=16, kills=3, mean_s=3.0, steps=12))
    assert found["nothing_lost"], found
    assert found["ends"] == {"complete": 16}

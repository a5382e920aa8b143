"""Databases and an object store for the rules that must hold on each of them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.postgres import Server, postgres_server
from tests.s3 import fresh_bucket, s3_endpoint


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server of the tests' own."""
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/data/darkroom.db"
    server: Server = request.getfixturevalue("postgres")
    return server.fresh_database()


@pytest.fixture(scope="session")
def s3_environ() -> Iterator[Mapping[str, str]]:
    """An S3 endpoint of the tests' own."""
    with s3_endpoint() as environ:
        yield environ


@pytest.fixture
def s3(s3_environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a new bucket, which the environment leads to."""
    for name, value in s3_environ.items():
        monkeypatch.setenv(name, value)
    return fresh_bucket(s3_environ)

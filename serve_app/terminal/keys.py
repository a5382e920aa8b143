"""``darkroom keys``: API keys, straight in the database, whether or not the service is running."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console

from deployments.engine.errors import InvalidRequest
from serve_app import settings
from serve_app.terminal.display import failure, say
from serve_app.terminal.tables import keys_table, print_table

if TYPE_CHECKING:
    from serve_app.jobs.store import KeyStore

T = TypeVar("T")

app = typer.Typer(
    name="keys",
    help="API keys: who may use a service that others reach. They are made and revoked in its database, and count "
    "within two seconds, also while it is running.",
    no_args_is_help=True,
)

Data = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="The service's data, as in `darkroom serve`.",
        show_default="$DARKROOM_DATA, else ./darkroom-data",
    ),
]
Config = Annotated[Path | None, typer.Option(metavar="FILE", help="The service's config file, as in `darkroom serve`.")]


@app.command()
def create(
    client: Annotated[str, typer.Argument(help="Whose key: a name. A client may have several.")],
    *,
    admin: Annotated[bool, typer.Option("--admin", help="Sees, cancels and deletes everybody's jobs.")] = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Make a key and print it: only now, as nothing keeps it."""
    with _database(data, config) as url:
        made, key = _run(url, lambda keys: keys.create(client, admin=admin, now=time.time()))
    typer.echo(key)
    say(
        Console(stderr=True),
        f"Key {made.id} of {made.client}{' (admin)' if made.admin else ''} is shown only now. Send it as "
        f"`Authorization: Bearer KEY`; `darkroom` reads it from {settings.KEY_VARIABLE}.",
    )


@app.command(name="list")
def list_keys(
    data: Data = None,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Show all keys there are and were, without what lets anybody in."""
    with _database(data, config) as url:
        keys = _run(url, lambda keys: keys.keys())
    if as_json:
        typer.echo(json.dumps({"keys": [asdict(key) for key in keys]}, indent=2))
    else:
        print_table(keys_table(keys))


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `darkroom keys list` shows it.")],
    data: Data = None,
    config: Config = None,
) -> None:
    """End a key, and the sessions of pages that it opened."""
    with _database(data, config) as url:
        revoked = _run(url, lambda keys: keys.revoke(key_id, time.time()))
    if revoked is None:
        raise failure(f"there is no key {key_id}; `darkroom keys list` shows them")
    typer.echo(f"{revoked.id}: revoked")


def _run(url: str, work: "Callable[[KeyStore], Awaitable[T]]") -> T:
    """``work`` on the keys in the database at ``url``, which is brought to the newest schema."""
    from serve_app.jobs.store import Database, KeyStore

    async def run() -> T:
        database = Database(url)
        try:
            await database.open()
            return await work(KeyStore(database))
        finally:
            await database.close()

    return asyncio.run(run())


@contextmanager
def _database(data: Path | None, config: Path | None) -> Iterator[str]:
    """The URL of the service's database; what goes wrong inside ends the command with a message."""
    try:
        yield settings.database_of(config, data)
    except settings.ConfigInvalid as error:
        raise failure(str(error), 2) from error
    except InvalidRequest as error:
        raise typer.BadParameter(str(error), param_hint="CLIENT") from error
    except Exception as error:  # the edge of a command: drivers fail in ways of their own
        lines = str(getattr(error, "orig", None) or error).splitlines()
        raise failure(f"the database can't be used: {lines[0] if lines else type(error).__name__}") from error

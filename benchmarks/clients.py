"""Clients with keys of their own, as a service knows them."""

import time
from collections.abc import Sequence

from serve_app.jobs.store import Database, KeyStore
from serve_app.settings import AppArgs

ADMIN = "admin"


async def keys(args: AppArgs, clients: Sequence[str]) -> dict[str, str]:
    """A new key for each client; the one named :data:`ADMIN` sees everybody's jobs."""
    database = Database(args.database_url)
    await database.open()
    store = KeyStore(database)
    made = {client: (await store.create(client, admin=client == ADMIN, now=time.time()))[1] for client in clients}
    await database.close()
    return made

"""How these tests reach the API: in this process where nothing streams, over loopback where something does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import uvicorn
from fastapi import FastAPI

from serve_app.api.app import create_api
from serve_app.api.backend import Backend
from serve_app.settings import ApiSettings

UNBUILT = Path(__file__).parent / "no-such-folder"
"""Where no web page has been built, whether or not the project's own has."""

BASE = "http://localhost:8000"
"""Where the API in this process seems to be: on this machine, which needs no key."""


def connect(
    backend: Backend,
    *,
    allow_anonymous: bool = False,
    peer: str = "127.0.0.1",
    base: str = BASE,
    static: Path = UNBUILT,
    **settings: object,
) -> httpx2.AsyncClient:
    """A client of an API in this process."""
    api = create_api(backend, ApiSettings.model_validate(settings), allow_anonymous=allow_anonymous, static=static)
    return connect_to(api, peer=peer, base=base)


def connect_to(app: FastAPI, *, peer: str = "127.0.0.1", base: str = BASE) -> httpx2.AsyncClient:
    """A client of this API, in this process, that connects from ``peer``."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app, client=(peer, 123)), base_url=base)


@asynccontextmanager
async def serve(backend: Backend, **settings: object) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the API on a real server, which is ready; it runs on this test's own event loop."""
    app = create_api(backend, ApiSettings.model_validate(settings))
    config = uvicorn.Config(app, port=0, lifespan="off", log_level="warning", ws="none")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    looping = asyncio.create_task(server.main_loop())
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20) as client:
            yield client
    finally:
        await _end(server, looping)


async def _end(server: uvicorn.Server, looping: asyncio.Task[None]) -> None:
    """What the server's own shutdown does, which looks in tenths of a second whether it is done."""
    looping.cancel()
    close(server)
    state = server.server_state
    while not looping.done() or state.connections or state.tasks:  # noqa: ASYNC110  uvicorn tells nobody when
        await asyncio.sleep(0.001)


def close(server: uvicorn.Server) -> None:
    """Let it listen no more, and end its connections: idle ones at once, others with their answers."""
    for listener in server.servers:
        listener.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()

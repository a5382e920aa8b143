"""How these tests reach the API: in this process where nothing streams, over loopback where something does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import uvicorn
from fastapi import FastAPI

from serve_app.api.app import create_api
from serve_app.api.backend import Backend
from serve_app.settings import ApiSettings
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend


def connect(backend: ScriptedBackend, **settings: object) -> httpx2.AsyncClient:
    """A client of an API in this process."""
    return connect_to(create_api(backend, ApiSettings.model_validate(settings)))


def connect_to(app: FastAPI) -> httpx2.AsyncClient:
    """A client of this API, in this process."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://darkroom.test")


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
        server.should_exit = True
        await looping
        await server.shutdown()

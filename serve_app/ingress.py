"""Ingress: the stateless deployment that clients meet, over HTTP and through ``serve.get_app_handle("darkroom")``."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from fastapi import FastAPI
from ray import serve
from ray.serve.handle import DeploymentHandle

from deployments.blobs import BlobStore
from deployments.engine.events import Event, GenerationResult
from deployments.engine.request import GenerationRequest
from deployments.telemetry.meters import Meters
from serve_app.api.app import create_api
from serve_app.handles import generation
from serve_app.handles.backend import RouterBackend
from serve_app.settings import AppArgs, knows_peers


@serve.ingress()
class Ingress:
    """Translates; holds no state, so there may be any number of replicas."""

    async def __init__(  # type: ignore[misc]  # Serve awaits it
        self, args: AppArgs, routers: Sequence[DeploymentHandle], telemetry: Callable[[], Meters]
    ) -> None:
        """``telemetry`` sets up how this process tells of itself."""
        self._meters = telemetry()
        self._args = args
        self._blobs = BlobStore.open(args.blobs_url)
        self._backend = RouterBackend(routers, args.shard_of, self._blobs)

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Serve's hook: the HTTP application, built here because its routes close over the handle."""
        return create_api(
            self._backend,
            self._args.api,
            allow_anonymous=self._args.allow_anonymous,
            knows_peers=knows_peers(),
            meters=self._meters,
        )

    async def generate(self, request: GenerationRequest | None = None, **fields: Any) -> GenerationResult:
        """Images for a request, or for its fields: ``await handle.generate.remote(prompt="a red circle", seed=7)``.

        ``image`` and ``mask`` are encoded bytes or PIL images, ``result.images`` are PIL images. Cancelling the call
        cancels the job.

        Raises:
            DarkroomError: the request is refused, or the job failed or was cancelled.
        """
        wanted = await generation.as_request(request, fields)
        return await generation.generate(self._backend, self._blobs, wanted)

    async def stream(self, request: GenerationRequest | None = None, **fields: Any) -> AsyncGenerator[Event, None]:
        """The same as events: ``handle.options(stream=True).stream.remote(prompt="a red circle")``.

        Ends with ``Completed``, ``Cancelled`` or ``Failed``. Cancelling the call cancels the job.

        Raises:
            DarkroomError: the request is refused.
        """
        wanted = await generation.as_request(request, fields)
        events = generation.stream(self._backend, self._blobs, wanted)
        async with aclosing(events):
            async for event in events:
                yield event

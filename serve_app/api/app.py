"""The HTTP API on one page: which dialects there are, and what surrounds them all."""

from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from opentelemetry.trace import TracerProvider
from starlette.middleware.cors import CORSMiddleware

from deployments.telemetry.meters import NO_METERS, Meters
from serve_app.api.activity import activity_router
from serve_app.api.backend import Backend
from serve_app.api.boundary import Boundary
from serve_app.api.docs import docs_router
from serve_app.api.doors import Doors
from serve_app.api.errors import install_error_handlers
from serve_app.api.event_views import JobEvent
from serve_app.api.health import health_router
from serve_app.api.images import images_router
from serve_app.api.job_pictures import job_pictures_router
from serve_app.api.jobs import jobs_router
from serve_app.api.limits import BodyLimit, HeaderLimit
from serve_app.api.models import models_router
from serve_app.api.openapi import complete_document
from serve_app.api.page import BUILT, page_router, read_page
from serve_app.api.schemas import EditsBody, ImagesBody, JobBody
from serve_app.api.session import SessionBody, session_router
from serve_app.api.simple import simple_router
from serve_app.api.streams import Streams
from serve_app.api.traffic import Traffic, is_probe
from serve_app.api.webhooks import document_webhooks
from serve_app.settings import ApiSettings

DESCRIPTION = """
Serves image models, developing pictures step by step, so that everybody can watch.

Every generation is a job. `POST /v1/jobs` answers at once; the synchronous routes and OpenAI's dialect submit a job
too, and wait for it. Errors are JSON with a stable `code`; the message names the field, the value and what is allowed.

Where there are API keys, requests carry one: `Authorization: Bearer dk_…`. Every client sees its own jobs alone.
"""


def create_api(
    backend: Backend,
    settings: ApiSettings,
    *,
    allow_anonymous: bool = False,
    knows_peers: bool = True,
    meters: Meters = NO_METERS,
    tracer_provider: TracerProvider | None = None,
    static: Path = BUILT,
) -> FastAPI:
    """The ASGI application over ``backend``. It keeps nothing that outlasts a request, so any number of them may run.

    ``allow_anonymous`` and ``knows_peers``: see :class:`~serve_app.api.doors.Doors`. ``tracer_provider``: makes the
    spans; the process's own if absent. ``static``: the folder that the web page was built into, which is read here.
    """
    telemetry: TelemetryConfig = {
        "tracer_provider": tracer_provider,
        "operation_spans": False,
        "exclude": is_probe,
        "auto_configure": False,  # deployments.telemetry.export does that, for every process
    }
    title = "Darkroom"
    app = FastAPI(
        title=title,
        version=version("darkroom"),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        telemetry=telemetry,
    )
    streams = Streams(settings)
    app.include_router(jobs_router(backend, streams))
    app.include_router(job_pictures_router(backend))
    app.include_router(simple_router(backend, streams))
    app.include_router(images_router(backend, streams))
    app.include_router(models_router(backend))
    app.include_router(activity_router(backend))
    app.include_router(session_router(backend, settings))
    app.include_router(health_router(backend))
    app.include_router(docs_router(title, app.openapi_url or ""))
    page = read_page(static)
    app.include_router(page_router(page))
    document_webhooks(app)
    complete_document(app, (JobBody, ImagesBody, EditsBody, SessionBody, JobEvent))
    install_error_handlers(app, page.nowhere if page is not None else lambda _request: None)
    # the last one added is the outermost
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes, max_held_bytes=settings.max_held_bytes)
    app.add_middleware(
        Doors,
        backend=backend,
        allow_anonymous=allow_anonymous,
        origins=settings.cors_origins,
        knows_peers=knows_peers,
        is_page=page.has if page is not None else lambda _path: False,
    )
    app.add_middleware(HeaderLimit, max_bytes=settings.max_header_bytes)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
            allow_headers=[
                "*"
            ],  # whatever a page asks for: Authorization, Idempotency-Key, Last-Event-ID, an SDK's own
            expose_headers=["ETag", "Retry-After", "X-Job-Id", "X-Seed"],
        )
    app.add_middleware(Boundary, cross_origin=bool(settings.cors_origins))
    app.add_middleware(Traffic, meters=meters)
    return app

"""The HTTP API on one page: which dialects there are, and what surrounds them all."""

from importlib.metadata import version

from fastapi import FastAPI, Request
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse, Response

from serve_app.api.backend import Backend
from serve_app.api.boundary import Boundary
from serve_app.api.errors import install_error_handlers
from serve_app.api.health import health_router
from serve_app.api.images import images_router
from serve_app.api.jobs import jobs_router
from serve_app.api.limits import BodyLimit
from serve_app.api.models import models_router
from serve_app.api.openapi import document_bodies
from serve_app.api.schemas import EditsBody, ImagesBody, JobBody
from serve_app.api.simple import simple_router
from serve_app.api.webhooks import document_webhooks
from serve_app.settings import ApiSettings

DESCRIPTION = """
Serves image models, developing pictures step by step, so that everybody can watch.

Every generation is a job. `POST /v1/jobs` answers at once; the synchronous routes and OpenAI's dialect submit a job
too, and wait for it. Errors are JSON with a stable `code`; the message names the field, the value and what is allowed.
"""


def create_api(backend: Backend, settings: ApiSettings) -> FastAPI:
    """The ASGI application over ``backend``. It keeps no state of its own, so any number of them may run."""
    app = FastAPI(title="Darkroom", version=version("darkroom"), description=DESCRIPTION, redoc_url=None)
    app.include_router(jobs_router(backend, settings))
    app.include_router(simple_router(backend, settings))
    app.include_router(images_router(backend, settings))
    app.include_router(models_router(backend))
    app.include_router(health_router(backend))
    app.add_api_route("/", _front_door, include_in_schema=False)
    document_webhooks(app)
    document_bodies(app, (JobBody, ImagesBody, EditsBody))
    install_error_handlers(app)
    # the last one added is the outermost
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes, max_held_bytes=settings.max_held_bytes)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=["ETag", "Retry-After", "X-Job-Id", "X-Seed"],
        )
    app.add_middleware(Boundary)
    return app


async def _front_door(request: Request) -> Response:
    """Whoever opens the service in a browser finds what it can do."""
    return RedirectResponse(request.url_for("swagger_ui_html").path)

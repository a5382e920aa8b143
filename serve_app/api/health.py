"""Liveness and readiness, for load balancers, Kubernetes and people."""

from typing import Literal

from fastapi import APIRouter, Response

from serve_app.api.backend import Backend, ModelState
from serve_app.api.openapi import open_to_all, refusals
from serve_app.api.views import View


class Health(View):
    """The HTTP server answers."""

    status: Literal["ok"] = "ok"


class ModelReadiness(View):
    """How one model stands."""

    state: ModelState
    replicas: int


class Readiness(View):
    """``ready`` when every configured model is."""

    status: Literal["ready", "not_ready"]
    models: dict[str, ModelReadiness]


def health_router(backend: Backend) -> APIRouter:
    """``/health`` and ``/health/ready``."""
    router = APIRouter(prefix="/health", tags=["health"])

    @router.head("", include_in_schema=False)
    @router.get(
        "",
        response_model=Health,
        summary="Is it live?",
        openapi_extra=open_to_all({}),
        responses=refusals(is_open=True),
    )
    async def live() -> Health:
        """Answers from this process alone, whatever the models do."""
        return Health()

    @router.head("/ready", include_in_schema=False)
    @router.get(
        "/ready",
        response_model=Readiness,
        summary="Can every model serve?",
        openapi_extra=open_to_all({}),
        responses={
            503: {"model": Readiness, "description": "Some model can't serve; which, and how it stands."},
            **refusals(is_open=True),
        },
    )
    async def ready(response: Response) -> Readiness:
        """200 when every configured model is ready, else 503."""
        models = {
            model.card.id: ModelReadiness(state=model.state, replicas=model.replicas)
            for model in await backend.models()
        }
        is_ready = all(model.state == "ready" for model in models.values())
        response.status_code = 200 if is_ready else 503
        return Readiness(status="ready" if is_ready else "not_ready", models=models)

    return router

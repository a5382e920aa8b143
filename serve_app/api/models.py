"""What is served: the models, and the replicas behind them."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path

from deployments.catalog import find_card
from deployments.engine.errors import ModelNotFound
from serve_app.api.backend import Backend, ModelStatus
from serve_app.api.model_views import ModelList, ModelView, WorkerList, WorkerView
from serve_app.api.openapi import OpenAIErrorAnswer, refusals


def models_router(backend: Backend) -> APIRouter:
    """``/v1/models`` and ``/v1/workers``."""
    router = APIRouter(prefix="/v1", tags=["models"])

    @router.get("/models", response_model=ModelList, summary="List models", responses=refusals(model=OpenAIErrorAnswer))
    async def models() -> ModelList:
        """Every configured model, the default one first, with its capabilities and how it stands."""
        return ModelList(data=[ModelView.of(model) for model in await backend.models()])

    @router.get(
        "/models/{model:path}",
        response_model=ModelView,
        summary="Look at a model",
        responses=refusals("model_not_found", "invalid_request", model=OpenAIErrorAnswer),
    )
    async def model(
        model: Annotated[str, Path(description="An id, an alias, or the repository of its weights.")],
    ) -> ModelView:
        """One model, by any of its names."""
        return ModelView.of(find_model(await backend.models(), model))

    @router.get("/workers", response_model=WorkerList, summary="List workers", responses=refusals())
    async def workers() -> WorkerList:
        """Every known replica by its newest heartbeat."""
        return WorkerList(data=[WorkerView.of(worker) for worker in await backend.workers()])

    return router


def find_model(models: Sequence[ModelStatus], name: str | None) -> ModelStatus:
    """The model that ``name`` names as the catalog knows it (:func:`find_card`); the first for ``None``.

    Raises:
        ModelNotFound: no configured model has this name.
    """
    found = models[0].card if name is None else find_card(name)
    for model in models:
        if found is not None and model.card.id == found.id:
            return model
    raise ModelNotFound(name or "the default model", [model.card.id for model in models])

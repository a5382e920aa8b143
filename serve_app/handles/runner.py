"""The job service's :class:`~serve_app.jobs.runner.Runner` over Serve handles."""

from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from ray.serve.handle import DeploymentHandle

from deployments.messages import ReplicaEvent, RunAttempt
from serve_app.handles.calls import CalleeLost, stream
from serve_app.jobs.runner import ReplicaLost

LOST_KEPT = 256
"""Lost attempts remembered for each model. A replica that was only out of reach is back long before as many follow."""


class ServeRunner:
    """Sends each attempt to one replica of its model, which Serve chooses (:mod:`serve_app.handles.routing`)."""

    def __init__(self, handles: Mapping[str, DeploymentHandle]) -> None:
        """``handles``: one per model id."""
        self._handles = {model: handle.options(method_name="run", stream=True) for model, handle in handles.items()}
        self._lost: dict[str, deque[tuple[str, int]]] = {model: deque(maxlen=LOST_KEPT) for model in handles}

    def superseded(self, model: str) -> tuple[tuple[str, int], ...]:
        """The newest (job, attempt) pairs that were lost from here: a replica that still runs one must drop it."""
        return tuple(self._lost[model])

    async def run(self, model: str, attempt: RunAttempt) -> AsyncGenerator[list[ReplicaEvent], None]:
        """See :meth:`serve_app.jobs.runner.Runner.run`."""
        if (name := (attempt.request.id, attempt.attempt)) in self._lost[model]:
            self._lost[model].remove(name)  # an id that was deleted and is used again
        running: AsyncGenerator[list[ReplicaEvent], None] = stream(self._handles[model].remote(attempt))
        try:
            async with aclosing(running) as batches:
                async for events in batches:
                    yield events
        except CalleeLost as lost:
            self._lost[model].append(name)
            raise ReplicaLost(lost.reason) from lost

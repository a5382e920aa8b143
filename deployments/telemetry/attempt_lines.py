"""One log line for each attempt on a replica: how it ended there."""

import logging
from typing import Any

from deployments.engine.events import Completed, Failed
from deployments.messages import ReplicaEvent, RunAttempt

logger = logging.getLogger(__name__)


def log_attempt(attempt: RunAttempt, model: str, last: ReplicaEvent | None) -> None:
    """The attempt is over; ``last`` is what it told last. An end that it did not tell itself was given up."""
    told: dict[str, Any] = {"job": attempt.request.id, "attempt": attempt.attempt, "model": model}
    match last:
        case Completed(timings=timings):
            ended, told["seconds"] = "completed", round(timings.total, 3)
        case Failed(code=code):
            ended, told["code"] = f"failed ({code})", code
        case _:
            ended = "given up"
    logger.info("job %s: attempt %d %s", attempt.request.id, attempt.attempt, ended, extra=told)

"""How the job service has a replica run an attempt. The Router implements it over Serve handles, tests by a script."""

from collections.abc import AsyncGenerator
from typing import Protocol

from deployments.messages import ReplicaEvent, RunAttempt


class ReplicaLost(Exception):
    """The replica died, was drained or could not be reached; ``reason`` is a few words that a client may read."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Runner(Protocol):
    """Runs attempts on replicas of a model."""

    def run(self, model: str, attempt: RunAttempt) -> AsyncGenerator[list[ReplicaEvent], None]:
        """The attempt's events as they come, in lists; ends after a terminal one.

        Closing the generator, or cancelling the task that iterates it, cancels the attempt on its replica.

        Raises:
            ReplicaLost: the attempt came to no end of its own. The same job may run again elsewhere.
        """
        ...

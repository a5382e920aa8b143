"""The time in which a service has its models' jobs."""

from collections.abc import Callable

from serve_app.jobs.log import HandedOver


class Tenure:
    """Begins once and ends once: at a stop, or as soon as anybody finds out that another Router has the jobs.

    After its end the service does nothing more: no job ends, nothing is dispatched, whoever asks is told to ask again.
    """

    def __init__(self) -> None:
        self._held = False
        self._when_over: list[Callable[[], None]] = []

    @property
    def held(self) -> bool:
        """It has begun and has not ended."""
        return self._held

    def begin(self) -> None:
        """The jobs are this service's."""
        self._held = True

    def when_over(self, stop: Callable[[], None]) -> None:
        """Call ``stop`` at the end; it must not raise, and may be called more than once."""
        self._when_over.append(stop)

    def end(self) -> None:
        """The jobs are another service's, or nobody's for a while."""
        self._held = False
        for stop in self._when_over:
            stop()

    def require(self) -> None:
        """Raises HandedOver outside of it."""
        if not self._held:
            raise HandedOver

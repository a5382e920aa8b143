"""A thread with one job: the life that the engine's four threads share."""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Worker(ABC):
    """One daemon thread that runs :meth:`_work` until it is closed.

    An error that escapes it is a defect: it ends the thread, is logged, is kept in :attr:`error`, and ``on_death`` is
    called with it on this thread, so that nobody waits in vain.

    A subclass waits on ``_changed`` for work or for ``_closing``, and notifies it when it is handed some.
    """

    def __init__(self, name: str, on_death: Callable[[BaseException], None]) -> None:
        self._on_death = on_death
        self._changed = threading.Condition()
        self._closing = False
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def _work(self) -> None:
        """Work, and return once ``_closing`` is set and what must still be done is done."""

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def close(self) -> None:
        """End the thread, after what it is at. Returns when it has ended; safe to call from itself."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    @property
    def alive(self) -> bool:
        """The thread is running, and not about to end by an error."""
        return self.error is None and self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self.error = error
            logger.exception("%s has ended", self._thread.name)
            self._on_death(error)

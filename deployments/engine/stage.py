"""A thread that works through what is put to it: the building block of the engine's pipeline."""

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Stage(Generic[T]):
    """One daemon thread, one queue. ``work`` gets all that has gathered since its last call, in order.

    ``work`` handles the errors of single items itself. One that escapes it is a defect: it ends the stage, is logged,
    is kept in :attr:`error`, and ``on_death`` is called with it, so that nobody waits for the stage in vain.
    """

    def __init__(self, name: str, work: Callable[[list[T]], None], on_death: Callable[[BaseException], None]) -> None:
        self._work = work
        self._on_death = on_death
        self._gathered: list[T] = []
        self._changed = threading.Condition()
        self._closing = False
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def put(self, item: T) -> None:
        """Hand over one item. What is put after :meth:`close` is dropped."""
        with self._changed:
            if not self._closing:
                self._gathered.append(item)
                self._changed.notify()

    def close(self) -> None:
        """Finish what has gathered, then end the thread. Returns when it has ended; safe to call from itself."""
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
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._gathered or self._closing)
                    if not self._gathered:
                        return
                    items, self._gathered = self._gathered, []
                self._work(items)
                del items  # not kept alive while waiting: they may hold latents and pictures
        except BaseException as error:
            self.error = error
            logger.exception("%s has ended", self._thread.name)
            self._on_death(error)

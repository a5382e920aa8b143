"""A thread that works through what is put to it: the building block of the engine's pipeline."""

from collections.abc import Callable
from typing import Generic, TypeVar

from deployments.engine.worker import Worker

T = TypeVar("T")


class Stage(Worker, Generic[T]):
    """One thread, one queue. ``handle`` gets all that has gathered since its last call, in order.

    ``handle`` takes care of the errors of single items itself; one that escapes it ends the thread
    (:class:`~deployments.engine.worker.Worker`). Closing finishes what has gathered first.
    """

    def __init__(self, name: str, handle: Callable[[list[T]], None], on_death: Callable[[BaseException], None]) -> None:
        super().__init__(name, on_death)
        self._handle = handle
        self._gathered: list[T] = []

    def put(self, item: T) -> None:
        """Hand over one item. What is put after :meth:`close` is dropped."""
        with self._changed:
            if not self._closing:
                self._gathered.append(item)
                self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._gathered or self._closing)
                if not self._gathered:
                    return
                items, self._gathered = self._gathered, []
            self._handle(items)
            del items  # not kept alive while waiting: they may hold latents and pictures

"""A request inside the engine: who listens to it, how far it is, and that it ends exactly once."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import TypeVar

from torch import Tensor

from deployments.engine.events import TERMINAL, Completed, Event, Preview, Timings
from deployments.engine.failure import failed
from deployments.engine.preview import picture
from deployments.engine.request import GenerationRequest

OnEvents = Callable[[list[Event]], None]
T = TypeVar("T")


class Raw(ABC):
    """An event in the making: the emitting thread finishes it, off the denoise thread."""

    __slots__ = ()

    @abstractmethod
    def event(self, request_id: str) -> Event | None:
        """The event; may wait for the device. ``None`` if there is nothing to tell any more."""


class RawPreview(Raw):
    """A preview whose pixels are still on the device.

    ``pixels`` are (h, w, 3) uint8, one for each latent; ``size`` is the final image's (width, height) in pixels.
    """

    __slots__ = ("index", "pixels", "size", "step")

    def __init__(self, pixels: Tensor, size: tuple[int, int], step: int, index: int) -> None:
        self.pixels = pixels
        self.size = size
        self.step = step
        self.index = index

    def event(self, request_id: str) -> Preview:
        return Preview(request_id, picture(self.pixels, *self.size), self.step, self.index)


class Ticket:
    """The engine's record of one resolved request. Its methods may be called from any thread.

    It is made in the context (:mod:`contextvars`) of whoever submits the request, and remembers that.

    Args:
        request: resolved.
        on_events: who listens.
        emit: hands an event to the emitting thread; called in the order in which events are told.
    """

    def __init__(
        self,
        request: GenerationRequest,
        on_events: OnEvents,
        emit: "Callable[[Ticket, Event | Raw], None]",
    ) -> None:
        self.request = request
        self.on_events = on_events
        self._emit = emit
        self._context = copy_context()
        self._lock = threading.Lock()
        self._ended = False
        self._images_left = request.n
        self._submitted = time.perf_counter()
        self._taken_up = self._joined = self._denoised = self._submitted

    @property
    def ended(self) -> bool:
        """A terminal event has been told: no stage works on it any more."""
        return self._ended

    def tell(self, event: Event | Raw) -> bool:
        """Emit ``event``, unless the request has ended. Returns whether it was emitted."""
        with self._lock:
            if self._ended:
                return False
            self._ended = isinstance(event, TERMINAL)
            self._emit(self, event)
            return True

    def fail(self, error: BaseException) -> None:
        """End it because of ``error``, which is logged as its submitter's."""
        self.tell(self.within(partial(failed, self.request.id, error)))

    def within(self, work: Callable[[], T]) -> T:
        """``work``'s result, done in the submitter's context: what is logged there is known to be about this request.

        (A copy each time: two threads can't be in one context at once.)
        """
        return self._context.copy().run(work)

    def taken_up(self) -> None:
        """Its prompt is about to be encoded."""
        self._taken_up = time.perf_counter()

    def joined(self) -> None:
        """It joins the batch at the next step."""
        self._joined = self._denoised = time.perf_counter()

    def denoised(self) -> None:
        """One of its images took its last step."""
        self._denoised = time.perf_counter()

    def image_done(self) -> bool:
        """One of its images was told. Ends the request with the last one; returns whether this was it."""
        with self._lock:
            self._images_left -= 1
            if self._images_left:
                return False
        now = time.perf_counter()
        timings = Timings(
            queued=self._taken_up - self._submitted,
            encode=self._joined - self._taken_up,
            denoise=self._denoised - self._joined,
            decode=now - self._denoised,
            total=now - self._submitted,
        )
        return self.tell(Completed(self.request.id, timings))

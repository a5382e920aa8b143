"""The engine: images from many requests, one step at a time, in shared forwards.

Four threads, each with one job, joined by queues (on a CPU, what computes does so on one more:
:mod:`deployments.engine.compute`)::

    submit → [prepare] → [denoise] → [finish] ─┐
              encode,     forwards,   decode    ├→ [emit] → on_events
              noise       previews    to PIL   ─┘

A request is a ticket (:mod:`deployments.engine.ticket`) from its submission to its one terminal event.
"""

import queue
import threading
from collections.abc import Generator, Mapping
from contextlib import closing
from functools import partial
from typing import Any, Self

from deployments.catalog import ModelCard
from deployments.engine.compute import Compute
from deployments.engine.decoding import Decoder
from deployments.engine.emitting import Emitter
from deployments.engine.errors import Conflict, DarkroomError, GenerationCancelled, Interrupted, QueueFull, error_of
from deployments.engine.events import (
    TERMINAL,
    Cancelled,
    Completed,
    Event,
    Failed,
    GenerationResult,
    ImageReady,
)
from deployments.engine.families.base import Family
from deployments.engine.fingerprint import model_facts
from deployments.engine.loop import DenoiseLoop
from deployments.engine.memory import memory
from deployments.engine.preparing import Preparer, Submission
from deployments.engine.request import GenerationRequest
from deployments.engine.resolve import resolve
from deployments.engine.spec import Decoding, DType, LoadSpec, Offload, Quantization
from deployments.engine.stage import Stage
from deployments.engine.stats import EngineStats
from deployments.engine.ticket import OnEvents, Raw, Ticket


class Engine:
    """Runs one model. Thread-safe: concurrent requests share forwards, and no request changes another's image.

    Args:
        family: the architecture's adapter, its weights loaded.
        card: the model's effective card, against which requests are resolved.
        max_batch: images that share a forward at most.
        max_pending: requests inside at most; one more is refused as ``QueueFull``.
        overrides: reported in :meth:`stats`.
        compute: where the weights were loaded; closed with the engine.
        weights_id: see :class:`deployments.engine.loader.LoadedModel`: checkpoints are for engines with an equal one.
    """

    def __init__(
        self,
        family: Family,
        card: ModelCard,
        *,
        max_batch: int = 8,
        max_pending: int = 1024,
        overrides: dict[str, Any] | None = None,
        weights_id: str = "",
        compute: Compute | None = None,
    ) -> None:
        self.card = card
        self._compute = compute = compute or Compute(family.device)
        self._family = family
        self._max_batch = max_batch
        self._max_pending = max_pending
        self._overrides = overrides or {}
        self._tickets: dict[str, Ticket] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._finish = Stage("darkroom-finish", Decoder(family, compute), self._died)
        self._loop = DenoiseLoop(
            family, compute, card.default_size, max_batch, on_done=self._finish.put, on_death=self._died
        )
        preparer = Preparer(family, compute, model_facts(card, family, weights_id), self._loop.join)
        self._prepare = Stage("darkroom-prepare", preparer, self._died)
        self._emit = Stage("darkroom-emit", Emitter(self.cancel), self._died)
        self._threads = (self._prepare, self._loop, self._finish, self._emit)  # in the order of a request's life
        for thread in self._threads:
            thread.start()

    @classmethod
    def load(
        cls,
        model: str,
        *,
        max_batch: int = 8,
        weights: str | None = None,
        base: str | None = None,
        device: str = "auto",
        dtype: DType = "auto",
        quantize: Quantization | None = None,
        quantize_text: Quantization | None = None,
        offload: Offload = "none",
        vae: Decoding = "whole",
        loras: str | None = None,
        controlnets: Mapping[str, str] | None = None,
    ) -> Self:
        """Load a model and start its engine.

        Arguments as in :class:`~deployments.engine.spec.LoadSpec`, errors as in
        :func:`deployments.engine.loader.load`.
        """
        spec = LoadSpec(
            model=model,
            weights=weights,
            base=base,
            device=device,
            dtype=dtype,
            quantize=quantize,
            quantize_text=quantize_text,
            offload=offload,
            vae=vae,
            loras=loras,
            controlnets=controlnets or {},
        )
        return cls.of(spec, max_batch=max_batch)

    @classmethod
    def of(cls, spec: LoadSpec, *, max_batch: int = 8) -> Self:
        """The same as :meth:`load`, from one value."""
        from deployments.engine.loader import load, pick_device

        compute = Compute(pick_device(spec.device))
        try:
            loaded = compute(partial(load, spec))
        except BaseException:
            compute.close()
            raise
        return cls(
            loaded.family,
            loaded.card,
            max_batch=max_batch,
            overrides=dict(loaded.overrides),
            weights_id=loaded.weights_id,
            compute=compute,
        )

    def submit(
        self,
        request: GenerationRequest,
        on_events: OnEvents,
        *,
        resume: Mapping[int, bytes] | None = None,
        checkpoint_every_s: float | None = None,
    ) -> GenerationRequest:
        """Queue a request; its events come to ``on_events`` in lists, in order, on a thread of the engine's.

        ``on_events`` is never called on the denoise thread, must not block for long, and is not called again after the
        list that holds the terminal event. If it raises, the request is cancelled. It runs, as all that the engine logs
        about this request, in the caller's context variables of now.

        Args:
            resume: checkpoints of the request's images, by their indices, to go on from. The request must be as it was
                resolved then, its id and what only its outer form depends on aside. An image whose checkpoint is of
                another request, model or version, or damaged, begins anew, as do those without one; the log says why.
            checkpoint_every_s: seconds from an image's joining the batch to its first ``Checkpoint``, and between two
                of them, at least; 0 for one after every step, ``None`` for none. One that the next overtakes before it
                is written down is left out, and so is one that the last step overtakes.

        Returns:
            the request as it will run: every default filled in, the seed drawn.

        Raises:
            ValueError: ``checkpoint_every_s`` is negative or no number.
            InvalidRequest, UnsupportedByModel: see :func:`deployments.engine.resolve.resolve`.
            Conflict: a request with this id is running.
            QueueFull: ``max_pending`` requests are inside.
            Interrupted: the engine is closed, or one of its threads has died.
        """
        if checkpoint_every_s is not None and not checkpoint_every_s >= 0:
            raise ValueError(f"checkpoint_every_s: got {checkpoint_every_s}, allowed: None or at least 0")
        resolved = resolve(request, self.card)
        ticket = Ticket(resolved, on_events, self._tell)
        with self._lock:
            if self._closed:
                raise Interrupted("the engine is closed")
            if resolved.id in self._tickets:
                raise Conflict(f"a request with the id {resolved.id} is running")
            if len(self._tickets) >= self._max_pending:
                raise QueueFull(f"{self._max_pending} requests are inside the engine")
            self._tickets[resolved.id] = ticket
        self._prepare.put(Submission(ticket, resume or {}, checkpoint_every_s))
        return resolved

    def generate(self, request: GenerationRequest, *, resume: Mapping[int, bytes] | None = None) -> GenerationResult:
        """Make the request's images; blocks until they are there.

        Args:
            resume: as in :meth:`submit`.

        Raises:
            GenerationCancelled: somebody called :meth:`cancel`.
            DarkroomError: what :meth:`submit` raises, or the error that ended the request.
        """
        images: dict[int, ImageReady] = {}
        with closing(self.stream(request, resume=resume)) as events:
            for event in events:
                match event:
                    case ImageReady():
                        images[event.index] = event
                    case Completed():
                        ready = [images[index] for index in sorted(images)]
                        return GenerationResult(
                            id=event.id,
                            images=tuple(image.image for image in ready),
                            seeds=tuple(image.seed for image in ready),
                            timings=event.timings,
                        )
                    case Cancelled():
                        raise GenerationCancelled
                    case Failed():
                        raise error_of(event.code, event.message)
        raise Interrupted("the event stream ended without a terminal event")

    def stream(
        self,
        request: GenerationRequest,
        *,
        resume: Mapping[int, bytes] | None = None,
        checkpoint_every_s: float | None = None,
    ) -> Generator[Event, None, None]:
        """Yield the request's events, to the terminal one. Closing the generator before that cancels the request.

        The request is submitted when the first event is asked for, and what :meth:`submit` raises is raised there;
        arguments are as there.
        """
        inbox: queue.SimpleQueue[list[Event]] = queue.SimpleQueue()
        request_id = self.submit(request, inbox.put, resume=resume, checkpoint_every_s=checkpoint_every_s).id
        try:
            while True:
                for event in inbox.get():
                    yield event
                    if isinstance(event, TERMINAL):
                        return
        finally:
            self.cancel(request_id)  # without effect when it has ended

    def cancel(self, request_id: str) -> bool:
        """End a request: no forward that starts after this call includes it, and ``Cancelled`` is its last event.

        Returns:
            whether it was running; ``False`` for an unknown id and for a request that has ended.
        """
        with self._lock:
            ticket = self._tickets.get(request_id)
        return ticket is not None and ticket.tell(Cancelled(request_id))

    def stats(self) -> EngineStats:
        """How the engine stands now."""
        seconds_per_row = self._loop.seconds_per_row
        inside = {running.ticket.request.id for running in self._loop.inside()}
        return EngineStats(
            running=len(self._tickets.keys() | inside),
            batch=self._loop.batch if inside else 0,
            max_batch=self._max_batch,
            backlog_s=self._loop.rows_left() * (seconds_per_row or self.card.seconds_per_row),
            seconds_per_row=seconds_per_row,
            device=str(self._family.device),
            overrides=self._with_loras(),
            loras=self._family.loras.held(),
            work=self._loop.work,
            memory=memory(self._family.device),
        )

    def _with_loras(self) -> dict[str, Any]:
        """The overrides with the LoRAs that there are now: files may come and go."""
        names = tuple(self._family.loras.names())
        abilities = self._overrides.get("capabilities", {})
        return {**self._overrides, "capabilities": {**abilities, "loras": names}} if names else self._overrides

    def check(self) -> None:
        """Raise RuntimeError when a thread of the engine has ended: it can't serve any more."""
        for thread in self._threads:
            if not thread.alive:
                raise RuntimeError("the engine can't serve: one of its threads has ended") from thread.error

    def close(self) -> None:
        """Stop. Requests that run end with ``Failed("interrupted")``; returns when all threads have ended."""
        self._end_all(Interrupted("the engine was closed"))
        for thread in self._threads:
            thread.close()
        self._compute.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- any thread -----

    def _tell(self, ticket: Ticket, event: Event | Raw) -> None:
        if isinstance(event, TERMINAL):
            with self._lock:
                self._tickets.pop(ticket.request.id, None)
        if self._emit.error is None:
            self._emit.put((ticket, event))
        elif not isinstance(event, Raw):
            ticket.on_events([event])  # the emitting thread is gone; whoever tells the end delivers it

    def _died(self, error: BaseException) -> None:
        """A thread has ended by an error: nobody may wait in vain."""
        self._end_all(Interrupted("the engine has stopped after an internal error"))

    def _end_all(self, error: DarkroomError) -> None:
        with self._lock:
            self._closed = True
            tickets = list(self._tickets.values())
        for ticket in tickets:
            ticket.fail(error)

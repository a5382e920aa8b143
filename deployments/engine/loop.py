"""The denoise loop: schedule, run, update."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from deployments.catalog import Size
from deployments.engine.batching import StepScheduler
from deployments.engine.compute import Compute
from deployments.engine.events import Progress
from deployments.engine.failure import is_fatal
from deployments.engine.families.base import DenoiseState, Family
from deployments.engine.meter import Meter
from deployments.engine.pace import Pace
from deployments.engine.saving import Saver
from deployments.engine.stats import Work
from deployments.engine.ticket import RawPreview, Ticket
from deployments.engine.worker import Worker

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Running:
    """An image in the loop, whose it is, and what saves it on its way, if something does.

    It is its own key: a request's id may come again while the cancelled one's last forward runs.
    """

    ticket: Ticket
    state: DenoiseState
    saver: Saver | None = None


class DenoiseLoop(Worker):
    """The thread that owns the denoiser. States join and leave between two forwards; closing waits for one to end.

    Args:
        family: the architecture's adapter.
        compute: where forwards run, and what follows each of them.
        default_size: the size to which measured costs are scaled.
        max_batch: states in one forward at most.
        on_done: takes an image whose last step is done; must not block.
        on_death: called when the thread ends by an error.
    """

    def __init__(
        self,
        family: Family,
        compute: Compute,
        default_size: Size,
        max_batch: int,
        *,
        on_done: Callable[[Running], None],
        on_death: Callable[[BaseException], None],
    ) -> None:
        super().__init__("darkroom-denoise", on_death)
        self._family = family
        self._compute = compute
        self._default_pixels = default_size[0] * default_size[1]
        self._on_done = on_done
        self._scheduler: StepScheduler[Running] = StepScheduler(max_batch)
        self._meter = Meter()
        self._pace = Pace(family.device)
        self._running: set[Running] = set()
        self._joining: deque[Running] = deque()
        self.batch = 0
        self.work = Work()

    def join(self, newcomers: Iterable[Running]) -> None:
        """These take part from the next forward on. From any thread."""
        with self._changed:
            self._joining.extend(newcomers)
            self._changed.notify()

    @property
    def seconds_per_row(self) -> float | None:
        """Measured seconds of one row of one forward at the default size; ``None`` until measured."""
        return self._meter.seconds_per_row

    def rows_left(self) -> float:
        """Rows of the default size still to run, over all images inside. From any thread."""
        return sum(
            running.state.sampler.forwards_left * self._cost(running) * self._scale(running.state)
            for running in self.inside()
            if not running.ticket.ended
        )

    def inside(self) -> list[Running]:
        """Every image that takes part in forwards, or is about to; from any thread.

        One that was cancelled is among them until the forward that it takes part in is over.
        """
        with self._changed:
            return [*self._running, *self._joining]

    def _work(self) -> None:
        while self._await_work():
            self._compute(self._turn)

    def _await_work(self) -> bool:
        """Wait until there is something to do; False when the loop is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._joining or self._running or self._closing)
            if self._closing:
                return False
            newcomers = list(self._joining)
            self._joining.clear()
            self._running.update(newcomers)
        for running in newcomers:
            self._scheduler.add(running, running.state.key)
        return True

    @torch.no_grad()
    def _turn(self) -> None:
        for running in [running for running in self._running if running.ticket.ended]:
            self._leave(running)  # cancelled: before the next forward
        batch = self._scheduler.next_batch()
        if not batch:
            return
        begun = time.perf_counter()
        try:
            self._family.denoise([running.state for running in batch])
            self._pace.step()
        except Exception as error:  # noqa: BLE001  (whatever a forward raises ends its requests, not the loop)
            self._forward_failed(batch, error)
            return
        self._scheduler.advance(batch)
        self._measure(batch, time.perf_counter() - begun)
        for running in batch:
            self._update(running)

    def _forward_failed(self, batch: list[Running], error: Exception) -> None:
        """Out of memory in company: try again with half as many. Else the requests of this forward end.

        Raises:
            Exception: ``error`` again, if the device can't be used any more.
        """
        if isinstance(error, torch.OutOfMemoryError) and len(batch) > 1:
            logger.warning(
                "out of memory with %d images of %s: half as many from now on", len(batch), batch[0].state.key
            )
            self._scheduler.limit(batch[0].state.key, len(batch) // 2)
            return
        for running in batch:
            running.ticket.fail(error)
        if is_fatal(error):
            raise error

    def _update(self, running: Running) -> None:
        """Tell how far an image is; hand it on when its last step is done."""
        state, ticket = running.state, running.ticket
        item, sampler = state.item, state.sampler
        if state.error is not None:
            ticket.fail(state.error)  # it leaves before the next forward
            return
        before, step = sampler.steps_told, sampler.steps_done
        if step > before:
            sampler.steps_told = step
            ticket.tell(Progress(item.request.id, step, sampler.total, item.index))
            if item.request.preview_every and step % item.request.preview_every == 0:
                self._preview(running)
            if running.saver is not None:
                self._save(running, running.saver)
        if sampler.done:
            self._leave(running)
            ticket.denoised()
            self._on_done(running)

    def _preview(self, running: Running) -> None:
        state, ticket = running.state, running.ticket
        item = state.item
        try:
            ticket.tell(RawPreview(self._family.preview(state), item.size, state.sampler.steps_done, item.index))
        except Exception as error:  # noqa: BLE001  (it ends its own request, not the loop)
            ticket.fail(error)

    def _save(self, running: Running, saver: Saver) -> None:
        ticket = running.ticket
        try:
            if (checkpoint := saver.save(running.state)) is not None:
                ticket.tell(checkpoint)
        except Exception as error:  # noqa: BLE001  (as above)
            ticket.fail(error)

    def _leave(self, running: Running) -> None:
        with self._changed:
            self._running.discard(running)
        self._scheduler.abort(running)

    def _measure(self, batch: list[Running], seconds: float) -> None:
        self.batch = len(batch)
        done = self.work
        self.work = Work(done.forwards + 1, done.seconds + seconds, done.images + len(batch))
        rows = sum(self._family.rows(running.state.item) for running in batch)
        cost = sum(self._cost(running) for running in batch)
        state = batch[0].state
        self._meter.record(state.key, rows, seconds * rows / cost, self._scale(state))  # as if all rows were plain

    def _cost(self, running: Running) -> float:
        item = running.state.item
        return self._family.rows(item) * item.row_cost

    def _scale(self, state: DenoiseState) -> float:
        """The cost of a row of this size, relative to one of the default size."""
        width, height = state.item.size
        return width * height / self._default_pixels

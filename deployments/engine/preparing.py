"""Requests become running images: prompts and pictures encoded, noise drawn, or what was saved taken up again."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from deployments.engine.checkpoint import UnfitCheckpoint, resume
from deployments.engine.compute import Compute
from deployments.engine.events import Started
from deployments.engine.failure import is_fatal
from deployments.engine.families.base import Family, Item
from deployments.engine.fingerprint import fingerprints
from deployments.engine.loop import Running
from deployments.engine.saving import Saver
from deployments.engine.ticket import Ticket

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Submission:
    """A request in the inbox.

    Attributes:
        saved: checkpoints to go on from, by the images' indices.
        checkpoint_every_s: seconds between checkpoints; 0 for one after every step, ``None`` for none.
    """

    ticket: Ticket
    saved: Mapping[int, bytes]
    checkpoint_every_s: float | None


class Preparer:
    """What the prepare thread does.

    Args:
        compute: where prompts are encoded and noise is drawn.
        model: the engine's part of fingerprints.
        join: takes the images of one request that are ready for their next forward.
    """

    def __init__(
        self,
        family: Family,
        compute: Compute,
        model: Mapping[str, Any],
        join: Callable[[Sequence[Running]], None],
    ) -> None:
        self._family = family
        self._compute = compute
        self._model = model
        self._join = join

    def __call__(self, submissions: list[Submission]) -> None:
        """Make requests ready, one after the other."""
        for submission in submissions:
            ticket = submission.ticket
            if ticket.ended:
                continue
            ticket.taken_up()
            ticket.tell(Started(ticket.request.id))
            try:
                newcomers = self._compute(partial(ticket.within, partial(self._begun, submission)))
            except Exception as error:
                ticket.fail(error)
                if is_fatal(error):
                    raise
                continue
            ticket.joined()
            self._join(newcomers)

    @torch.no_grad()
    def _begun(self, submission: Submission) -> list[Running]:
        ticket = submission.ticket
        items = self._family.prepare(ticket.request)
        if not submission.saved and submission.checkpoint_every_s is None:
            return [Running(ticket, self._family.start(item)) for item in items]
        return [
            self._taken_up(submission, item, fingerprint)
            for item, fingerprint in zip(items, fingerprints(items, self._model), strict=True)
        ]

    def _taken_up(self, submission: Submission, item: Item, fingerprint: str) -> Running:
        state = self._family.start(item)
        if (saved := submission.saved.get(item.index)) is not None:
            try:
                resume(state, saved, fingerprint)
            except UnfitCheckpoint as error:
                logger.warning(
                    "request %s, image %d: its checkpoint is of no use (%s); it begins anew",
                    item.request.id,
                    item.index,
                    error,
                )
        every_s = submission.checkpoint_every_s
        return Running(submission.ticket, state, None if every_s is None else Saver(every_s, fingerprint))

"""Events to their listeners, those in the making finished first."""

import logging
from collections.abc import Callable
from functools import partial

from deployments.engine.events import Event
from deployments.engine.ticket import Raw, Ticket

logger = logging.getLogger(__name__)


class Emitter:
    """What the emit thread does.

    Args:
        cancel: ends the request with this id.
    """

    def __init__(self, cancel: Callable[[str], object]) -> None:
        self._cancel = cancel

    def __call__(self, told: list[tuple[Ticket, Event | Raw]]) -> None:
        """Call each listener once, with all that was told of its request, in order."""
        gathered: dict[Ticket, list[Event | Raw]] = {}
        for ticket, event in told:
            gathered.setdefault(ticket, []).append(event)
        for ticket, events in gathered.items():
            if finished := _finished(ticket, events):
                ticket.within(partial(self._deliver, ticket, finished))

    def _deliver(self, ticket: Ticket, events: list[Event]) -> None:
        try:
            ticket.on_events(events)
        except Exception:
            logger.exception("on_events of request %s raised; the request is cancelled", ticket.request.id)
            self._cancel(ticket.request.id)


def _finished(ticket: Ticket, events: list[Event | Raw]) -> list[Event]:
    """``events`` as a listener sees them."""
    finished: list[Event] = []
    for event in events:
        if not isinstance(event, Raw):
            finished.append(event)
            continue
        try:
            made = event.event(ticket.request.id)
        except Exception as error:  # noqa: BLE001  (it ends its own request, not the thread)
            ticket.fail(error)
            continue
        if made is not None:
            finished.append(made)
    return finished

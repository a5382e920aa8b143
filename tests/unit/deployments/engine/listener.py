"""A listener that collects a request's events and lets a test wait for one."""

import threading
from typing import Any

from deployments.engine.events import TERMINAL, Event


class Listener:
    """Collects a request's events and lets a test wait for one."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = threading.Condition()

    def __call__(self, events: list[Event]) -> None:
        with self._changed:
            self.events += events
            self._changed.notify_all()

    def wait_for(self, kind: type[Any] | tuple[type[Any], ...], **fields: object) -> Event:
        """The first event of ``kind`` with these ``fields``, as soon as it is there."""

        def found() -> Event | None:
            for event in self.events:
                if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items()):
                    return event
            return None

        with self._changed:
            assert self._changed.wait_for(found, timeout=30), f"no {kind} {fields} in {self.events}"
            event = found()
            assert event is not None
            return event

    def wait(self) -> Event:
        """The terminal event."""
        return self.wait_for(TERMINAL)

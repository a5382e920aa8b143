"""SIGINT and SIGTERM, as the command line wants them."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def interrupts_raised() -> Iterator[None]:
    """Meanwhile both signals raise ``KeyboardInterrupt`` in the main thread, which must be the caller's."""
    with _both(signal.default_int_handler):
        yield


@contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Meanwhile both signals do nothing: a clean-up that must not be left half done."""
    with _both(signal.SIG_IGN):
        yield


@contextmanager
def _both(handler: Any) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)

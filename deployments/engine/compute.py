"""The thread on which a model computes."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, TypeVar

import torch

T = TypeVar("T")

GIVES_WAY_BY: Final = 4
"""Niceness that the computing thread adds to its process's. Ray's workers run at 15 of at most 19."""


class Compute:
    """Calls what it is given: on a thread of its own if the device is the CPU, else on the caller's. Thread-safe.

    On the CPU all of an engine's arithmetic, from the loading of its weights on, belongs on one thread. OpenMP keeps a
    team of threads for each thread that ever computed in parallel, and where the teams together have more threads than
    there are cores, GNU's OpenMP hardly spins between two parallel regions (``gomp_throttled_spin_count_var``): it
    sleeps and is woken, thousands of times in each step. A small model's picture then takes three times as long.

    On Linux that thread, and with it its team, runs at a lower priority than the rest of its process. It wants every
    core all the time; requests, events and cancels want one for a millisecond, and should not wait for it.
    """

    def __init__(self, device: torch.device) -> None:
        self._thread = ThreadPoolExecutor(1, "darkroom-compute", _give_way) if device.type == "cpu" else None

    def __call__(self, work: Callable[[], T]) -> T:
        """``work``'s result, or what it raises. Work of several callers is done in the order of their calls.

        Raises:
            RuntimeError: it is closed.
        """
        return work() if self._thread is None else self._thread.submit(work).result()

    def close(self) -> None:
        """End the thread, after what was given to it."""
        if self._thread is not None:
            self._thread.shutdown()


def _give_way() -> None:
    if sys.platform == "linux":  # where a thread has a priority of its own, which those that it starts inherit
        own = threading.get_native_id()
        with suppress(OSError):  # a sandbox may forbid it
            os.setpriority(os.PRIO_PROCESS, own, min(19, os.getpriority(os.PRIO_PROCESS, own) + GIVES_WAY_BY))

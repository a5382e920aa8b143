"""The thread on which a model computes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")


class Compute:
    """Calls what it is given: on a thread of its own if the device is the CPU, else on the caller's. Thread-safe.

    On the CPU all of an engine's arithmetic, from the loading of its weights on, belongs on one thread. OpenMP keeps a
    team of threads for each thread that ever computed in parallel, and where the teams together have more threads than
    there are cores, GNU's OpenMP hardly spins between two parallel regions (``gomp_throttled_spin_count_var``): it
    sleeps and is woken, thousands of times in each step. A small model's picture then takes three times as long.
    """

    def __init__(self, device: torch.device) -> None:
        self._thread = ThreadPoolExecutor(1, "darkroom-compute") if device.type == "cpu" else None

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

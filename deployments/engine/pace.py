"""Keeps the denoise thread close to the device."""

from collections import deque

import torch


class Pace:
    """Lets the host run at most ``ahead`` steps ahead of a CUDA device.

    Kernels are launched without waiting for them. Unbounded, the host would be many steps ahead: progress would lie and
    a cancel would find its steps already launched. One step ahead keeps the device busy and both honest. On other
    devices there is nothing to wait for.
    """

    def __init__(self, device: torch.device, ahead: int = 1) -> None:
        self._device = device
        self._ahead = ahead
        self._marks: deque[torch.cuda.Event] = deque()

    def step(self) -> None:
        """A step was launched; waits until no more than ``ahead`` of those before it are unfinished."""
        if self._device.type != "cuda":
            return
        mark = torch.cuda.Event()
        mark.record(torch.cuda.current_stream(self._device))
        self._marks.append(mark)
        while len(self._marks) > self._ahead:
            self._marks.popleft().synchronize()

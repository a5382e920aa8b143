"""Base64 and JSON of whole images, without holding the event loop for the milliseconds that megabytes take."""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

OFF_LOOP_BYTES = 64 * 1024
"""From this many bytes on a thread does the work: below it, the thread costs more than the work."""


def base64(data: bytes) -> str:
    """Standard base64, without line breaks."""
    return b64encode(data).decode("ascii")


async def off_loop(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """``work(*args, **kwargs)``, on a thread if it handles ``size`` bytes and that is many.

    The thread shares the interpreter, so the loop gets its turns between the calls that ``work`` makes; the longest
    of those takes about a millisecond per megabyte.
    """
    if size >= OFF_LOOP_BYTES:
        return await asyncio.to_thread(work, *args, **kwargs)
    return work(*args, **kwargs)

"""Pictures that clients send: files of a form, base64 or data URLs; checked beside the event loop."""

import asyncio
import binascii
from base64 import b64decode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, Protocol, TypeVar

from deployments.engine.errors import InvalidRequest, shorten

P = ParamSpec("P")
T = TypeVar("T")

EXAMPLE_PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAABAAAAAQAQMAAAAlPW0iAAAABlBMVEXI3P/wPB725IbzAAAAIElEQVR42mNgQALMB5"
    "hYFJg4BJgYGKDoxwemPw+QlQAAWxEE0gEHPTMAAAAASUVORK5CYII="
)
"""A red disc of 16 × 16 pixels, for the document's examples."""

_THREADS = ThreadPoolExecutor(2, thread_name_prefix="input-pictures")
"""Pictures are decoded to know that they can be, two at a time: each may take some hundred MB for that moment."""


class MayHavePictures(Protocol):
    """A body, or what is made of one."""

    @property
    def has_pictures(self) -> bool: ...


async def beside_loop(body: MayHavePictures, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """``work(*args, **kwargs)``, on one of the threads for decoding if ``body`` has pictures."""
    return await on_thread(work, *args, **kwargs) if body.has_pictures else work(*args, **kwargs)


async def on_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """``work``, which decodes pictures, on one of the threads for that."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, lambda: work(*args, **kwargs))


def decoded(field: str, text: str) -> bytes:
    """The bytes of ``text``: base64, or a data URL of it.

    Raises:
        InvalidRequest: it is neither. Nothing is ever fetched from an address.
    """
    allowed = "base64, or a data URL as data:image/png;base64,…"
    if text[:5].lower() == "data:":
        head, _, text = text.partition(",")
        if not head.lower().endswith(";base64"):
            raise InvalidRequest(field, head, allowed)
    elif text[:8].lower().startswith(("http://", "https://")):
        raise InvalidRequest(field, text, f"{allowed}; this service fetches nothing")
    try:
        return b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest(field, shorten(text, 40), allowed) from None

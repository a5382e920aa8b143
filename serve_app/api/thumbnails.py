"""Small forms of finished images, for pages that show many: made when they are asked for, and kept for a while."""

import asyncio
import io
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from PIL import Image

from deployments.engine.pictures import FORMATS, MAX_SOURCE_PIXELS
from serve_app.api.pictures import on_thread

MIN_WIDTH: Final = 64
MAX_WIDTH: Final = 1024

MEDIA_TYPE: Final = "image/webp"

KEPT_BYTES: Final = 64 * 2**20
"""In one process: some thousand of 256 pixels."""

MADE_AT_ONCE: Final = 2
"""Each holds a whole image and its pixels; and what clients send is decoded on the same threads."""

QUALITY: Final = 80


class Thumbnails:
    """At most ``kept_bytes`` of them in memory, the longest unused dropped first."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._bytes = 0
        self._making = asyncio.Semaphore(MADE_AT_ONCE)

    async def of(self, key: str, width: int, load: Callable[[], Awaitable[bytes]]) -> bytes:
        """The image that is stored under ``key``, as :func:`shrunk` makes it; ``load`` answers its bytes.

        Whether the caller may see it was decided before. Raises what ``load`` raises.
        """
        if (kept := self._known(key, width)) is not None:
            return kept
        async with self._making:
            if (kept := self._known(key, width)) is not None:  # another request has waited for the same
                return kept
            made = await on_thread(shrunk, await load(), width)
        self._keep((key, width), made)
        return made

    def _known(self, key: str, width: int) -> bytes | None:
        if (key, width) in self._kept:
            self._kept.move_to_end((key, width))
        return self._kept.get((key, width))

    def _keep(self, name: tuple[str, int], made: bytes) -> None:
        self._bytes += len(made) - len(self._kept.pop(name, b""))
        self._kept[name] = made
        while self._bytes > self._kept_bytes:
            self._bytes -= len(self._kept.popitem(last=False)[1])


def shrunk(content: bytes, width: int) -> bytes:
    """An encoded image as WebP, at most ``width`` pixels wide, in its own proportions; never enlarged. Not for an event
    loop.

    Raises:
        ValueError: it has more pixels than any image of this service.
    """
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        if image.width * image.height > MAX_SOURCE_PIXELS:
            raise ValueError(f"an image of {image.width} × {image.height} pixels")
        height = max(1, round(image.height * width / image.width))
        image.draft("RGB", (width, height))  # a JPEG is decoded no larger than it takes
        small = image.convert("RGB")
    if small.width > width:
        small = small.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=QUALITY)
    return buffer.getvalue()

"""Finished latents become images: in groups, and in smaller ones where memory does not suffice."""

import logging
from collections.abc import Sequence
from functools import partial
from itertools import groupby

import torch
from PIL.Image import Image

from deployments.engine.compute import Compute
from deployments.engine.events import ImageReady
from deployments.engine.failure import is_fatal
from deployments.engine.families.base import Family
from deployments.engine.loop import Running

logger = logging.getLogger(__name__)

MAX_DECODE = 4
"""Images decoded in one go: at full size a VAE needs far more memory per image than a denoise step."""


class Decoder:
    """What the finish thread does: decodes, and tells the images to those who asked for them."""

    def __init__(self, family: Family, compute: Compute) -> None:
        self._family = family
        self._compute = compute

    def __call__(self, done: list[Running]) -> None:
        """Decode images whose last step is done, of any sizes."""
        for _, group in groupby(done, key=lambda running: running.state.key):
            same_size = list(group)
            for first in range(0, len(same_size), MAX_DECODE):
                self._decode([running for running in same_size[first : first + MAX_DECODE] if not running.ticket.ended])

    def _decode(self, batch: Sequence[Running], *, tiled: bool = False) -> None:
        """Decode and tell; what does not fit into memory is tried again one by one, and then in tiles."""
        if not batch:
            return
        images: list[Image] | None = None
        try:
            images = self._compute(partial(self._images, batch, tiled))
        except Exception as error:  # whatever a decode raises ends its requests, not the thread
            if tiled or not isinstance(error, torch.OutOfMemoryError):
                for running in batch:
                    running.ticket.fail(error)
                if is_fatal(error):
                    raise
                return
        if images is None:  # out here, where the error's traceback no longer holds on to the failed decode's tensors
            logger.warning("out of memory decoding %d of %s: tried again in parts", len(batch), batch[0].state.key)
            for running in batch:
                self._decode([running], tiled=len(batch) == 1)
            return
        for running, image in zip(batch, images, strict=True):
            item = running.state.item
            running.ticket.tell(ImageReady(item.request.id, image, item.seed, item.index))
            running.ticket.image_done()

    @torch.no_grad()
    def _images(self, batch: Sequence[Running], tiled: bool) -> list[Image]:
        return self._family.decode([running.state for running in batch], tiled=tiled)

"""Work that is done again and again, for as long as the service lives."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from serve_app.jobs.log import HandedOver

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Round:
    """``work``, every ``every_s`` seconds, for the first time after ``after_s``."""

    work: Callable[[], Awaitable[object]]
    every_s: float
    after_s: float = 0.0

    async def repeat(self) -> None:
        """Go on until cancelled; a round that fails is logged, and the next one tries again."""
        await asyncio.sleep(self.after_s)
        while True:
            try:
                await self.work()
            except HandedOver:
                pass
            except Exception:  # the edge of the loop
                logger.exception("a round of the job service failed; it is tried again in %g s", self.every_s)
            await asyncio.sleep(self.every_s)

"""Where a running job's denoise states are kept, so that another attempt goes on from them: in the blob store.

One image's newest state is under ``{job}/state/{index}-{step}``: a listing tells how far each image got, and nothing
else has to know.
"""

import logging
import re
from contextlib import suppress
from dataclasses import dataclass

from deployments.blobs import BlobStore
from deployments.engine.errors import Gone

logger = logging.getLogger(__name__)

_KEY = re.compile(r"/state/(\d+)-(\d+)$")


@dataclass(frozen=True, slots=True)
class SavedState:
    """An image's state after ``step``, as :mod:`deployments.engine.checkpoint` writes it."""

    step: int
    data: bytes


class Checkpoints:
    """The saved states of jobs. Raises what the blob store raises.

    A state is a function of the request alone, so it does not matter which attempt saved it; the engine refuses one
    that is damaged, or of another version or model.
    """

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    async def save(self, job: str, index: int, step: int, data: bytes, instead_of: int | None = None) -> None:
        """Keep the state of image ``index`` after ``step``; then the one after step ``instead_of`` goes.

        Nothing is listed: a save is at most two calls to the store.
        """
        await self._blobs.put(_key(job, index, step), data, "application/octet-stream")
        if instead_of is not None and instead_of != step:
            await self._blobs.delete([_key(job, index, instead_of)])

    async def steps(self, job: str) -> dict[int, int]:
        """By image: the newest step that was saved."""
        keys = [key async for page in self._blobs.listed(_folder(job)) for key, _ in page]
        return dict(sorted((int(found[1]), int(found[2])) for key in keys if (found := _KEY.search(key))))

    async def resumes_at(self, job: str, images: int) -> int:
        """The step from which all of the job's images have a state; 0 also where the store can't be read."""
        try:
            steps = await self.steps(job)
        except Exception:  # the edge of a convenience: only what is told of a restart depends on it
            logger.exception("job %s: its saved state could not be listed", job)
            return 0
        return min(steps.get(index, 0) for index in range(images))

    async def load(self, job: str) -> dict[int, SavedState]:
        """By image: its newest state. One that goes meanwhile is left out."""
        found = {}
        for index, step in (await self.steps(job)).items():
            with suppress(Gone):
                found[index] = SavedState(step, await self._blobs.get(_key(job, index, step)))
        return found

    async def clear(self, job: str) -> None:
        """Forget all states of the job."""
        await self._blobs.delete_prefix(_folder(job))


def _folder(job: str) -> str:
    return f"{job}/state/"


def _key(job: str, index: int, step: int) -> str:
    return f"{_folder(job)}{index}-{step}"

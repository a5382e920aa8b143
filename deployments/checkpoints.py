"""Where a running job's denoise states are kept, so that another attempt goes on from them: in the blob store.

One image's newest state is under ``{job}/state/{index}-{step}``: a listing tells how far each image got, and nothing
else has to know.
"""

import logging
import re

from deployments.blobs import BlobStore
from deployments.engine.errors import Gone

logger = logging.getLogger(__name__)

_KEY = re.compile(r"/state/(\d+)-(\d+)$")


class Checkpoints:
    """The saved states of jobs. Raises what the blob store raises.

    A state is a function of the request alone, so it does not matter which attempt saved it; the engine refuses one
    that is damaged, or of another version or model.
    """

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    async def save(self, job: str, index: int, step: int, data: bytes) -> None:
        """Keep the state of image ``index`` after ``step``; earlier ones of it go."""
        await self._blobs.put(f"{_folder(job)}{index}-{step}", data, "application/octet-stream")
        await self._blobs.delete(
            [key for saved, other, key in await self._listed(job) if saved == index and other < step]
        )

    async def steps(self, job: str) -> dict[int, int]:
        """By image: the newest step that was saved."""
        return {index: step for index, step, _ in sorted(await self._listed(job))}

    async def resumes_at(self, job: str, images: int) -> int:
        """The step from which all of the job's images have a state; 0 also where the store can't be read."""
        try:
            steps = await self.steps(job)
        except Exception:  # the edge of a convenience: only what is told of a restart depends on it
            logger.exception("job %s: its saved state could not be listed", job)
            return 0
        return min(steps.get(index, 0) for index in range(images))

    async def load(self, job: str) -> dict[int, bytes]:
        """By image: its newest state. One that goes meanwhile is left out."""
        newest = {index: key for index, _, key in sorted(await self._listed(job))}
        found = {}
        for index, key in newest.items():
            try:
                found[index] = await self._blobs.get(key)
            except Gone:
                continue
        return found

    async def clear(self, job: str) -> None:
        """Forget all states of the job."""
        await self._blobs.delete_prefix(_folder(job))

    async def _listed(self, job: str) -> list[tuple[int, int, str]]:
        """(index, step, key) of all that is there."""
        keys = [key async for page in self._blobs.listed(_folder(job)) for key, _ in page]
        return [(int(found[1]), int(found[2]), key) for key in keys if (found := _KEY.search(key))]


def _folder(job: str) -> str:
    return f"{job}/state/"

"""Retention: the images of jobs that ended long ago are deleted; their descriptions stay."""

from collections.abc import Callable

from deployments.blobs import BlobStore
from serve_app.jobs.store import JobStore

BATCH = 100


class Sweeper:
    """Deletes what jobs left in the blob store ``ttl_s`` seconds after their end, whichever end that was: a lost or
    cancelled attempt may have stored images that no job names."""

    def __init__(self, *, store: JobStore, blobs: BlobStore, ttl_s: float, clock: Callable[[], float]) -> None:
        self._store = store
        self._blobs = blobs
        self._ttl_s = ttl_s
        self._clock = clock

    async def sweep(self) -> int:
        """Expire everything that is due; how many jobs that were.

        The blobs go before the mark: after a crash in between they are looked for again, never forgotten.
        """
        swept = 0
        while due := await self._store.expiring(self._clock() - self._ttl_s, BATCH):
            for job_id in due:
                await self._blobs.delete_prefix(blob_folder(job_id))
            await self._store.expired(due)
            swept += len(due)
        return swept


def blob_folder(job_id: str) -> str:
    """The folder of everything that a job stored: the first part of ``{job}/{attempt}/{index}``."""
    return f"{job_id}/"

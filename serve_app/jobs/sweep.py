"""Retention: what jobs left in the blob store is deleted in time; and what belongs to no job."""

import logging
from collections.abc import Callable

from deployments.blobs import BlobStore
from serve_app.jobs.store import JobStore
from serve_app.settings import RetentionSettings

logger = logging.getLogger(__name__)

BATCH = 100

DELIVERIES_KEPT_S = 30 * 86400.0
"""Webhooks that nobody has sent for so long are dropped: nobody serves their models any more, or has a secret."""

ORPHAN_AGE_S = 3600.0
"""A blob without a job is younger than this while its job is being submitted, or deleted."""


class Sweeper:
    """Deletes what jobs left in the blob store once a bound of ``retention`` is passed, whichever end they came to: a
    lost or cancelled attempt may have stored images that no job names.

    The blob store is this service's alone: what no job of its database names is an orphan.
    """

    def __init__(
        self, *, store: JobStore, blobs: BlobStore, retention: RetentionSettings, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._retention = retention
        self._clock = clock

    async def sweep(self) -> int:
        """Expire everything that is due, and forget what is due for that; how many jobs expired.

        The blobs go before the mark: after a crash in between they are looked for again, never forgotten.
        """
        swept = 0
        while due := await self._due():
            for job_id in due:
                await self._blobs.delete_prefix(blob_folder(job_id))
            await self._store.expired(due)
            swept += len(due)
        if (forget_after_s := self._retention.forget_after_s) is not None:
            while await self._store.forget(self._clock() - forget_after_s, BATCH):
                continue
        if dropped := await self._store.outbox.forget(self._clock() - DELIVERIES_KEPT_S):
            logger.warning("%d webhooks that nobody sends any more were dropped", dropped)
        return swept

    async def _due(self) -> list[str]:
        bounds = self._retention
        before = None if bounds.max_age_s is None else self._clock() - bounds.max_age_s
        return await self._store.expiring(
            before=before, max_jobs=bounds.max_jobs, max_bytes=bounds.max_bytes, limit=BATCH
        )

    async def sweep_orphans(self) -> int:
        """Delete what belongs to no job: an Ingress died between a picture and its job, or an attempt that was given up
        stored an image after its job was deleted; how many folders that were."""
        swept = 0
        async for page in self._blobs.listed():
            young = self._clock() - ORPHAN_AGE_S
            old = {key.partition("/")[0] for key, written in page if written < young}
            for job_id in old - await self._store.known(old):
                await self._blobs.delete_prefix(blob_folder(job_id))
                swept += 1
        if swept:
            logger.info("%d folders of the blob store belonged to no job", swept)
        return swept


def blob_folder(job_id: str) -> str:
    """The folder of everything that a job stored: the first part of ``{job}/{attempt}/{index}``."""
    return f"{job_id}/"

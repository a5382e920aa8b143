"""Where encoded images are kept: one async store over a local folder or an object store, by URL."""

from collections.abc import AsyncIterator, Iterable
from typing import Self

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from deployments.engine.errors import Gone

FILE_SCHEME = "file://"

LISTED_AT_ONCE = 1000


class BlobStore:
    """Immutable blobs by key. Keys are relative paths such as ``{job}/{attempt}/{index}``, without ``.`` or ``..``.

    Every method raises ``ValueError`` for a key that is no such path, and obstore's own errors when the store behind it
    can't be reached. Safe to use from several event loops; the I/O runs on obstore's own threads.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        # 1. A file system keeps no content type (object_store refuses attributes there); an object store serves it.
        self._keeps_content_type = not isinstance(store, LocalStore)

    @classmethod
    def open(cls, url: str) -> Self:
        """The store at ``url``.

        ``file://`` and an absolute path as it is (not percent-encoded) is a local folder, made if it is not there;
        ``s3://``, ``gs://`` and ``az://`` are buckets, with credentials from the environment as obstore reads them.

        Raises:
            ValueError: the URL has a scheme that obstore does not know.
            OSError: the folder can't be made.
        """
        if url.startswith(FILE_SCHEME):
            return cls(LocalStore(url.removeprefix(FILE_SCHEME), mkdir=True, automatic_cleanup=True))
        return cls(from_url(url))

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        """Write ``data`` under ``key``, whole or not at all; replaces what was there."""
        attributes = {"Content-Type": content_type} if self._keeps_content_type else None
        await obstore.put_async(self._store, key, data, attributes=attributes)

    async def get(self, key: str) -> bytes:
        """The bytes under ``key``.

        Raises:
            Gone: nothing is there (any more).
        """
        try:
            result = await obstore.get_async(self._store, key)
            return bytes(await result.bytes_async())
        except FileNotFoundError:
            raise Gone(f"the image {key} has expired") from None

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove these blobs; those that are not there are passed over."""
        for key in keys:
            try:
                await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                continue

    async def listed(self, prefix: str | None = None) -> AsyncIterator[list[tuple[str, float]]]:
        """Every key below the folder ``prefix``, or of all, with the seconds since the epoch when it was written; in
        lists, in no order."""
        async for page in obstore.list(self._store, prefix, chunk_size=LISTED_AT_ONCE):
            yield [(blob["path"], blob["last_modified"].timestamp()) for blob in page]

    async def delete_prefix(self, prefix: str) -> None:
        """Remove every blob below the folder ``prefix`` (whole path segments: ``a`` does not match ``ab/1``).

        Raises:
            ValueError: ``prefix`` is empty; that would be the whole store.
        """
        if not prefix.strip("/"):
            raise ValueError("an empty prefix would remove every blob")
        async for page in obstore.list(self._store, prefix):
            await self.delete([blob["path"] for blob in page])

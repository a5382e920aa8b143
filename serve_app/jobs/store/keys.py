"""The API keys in SQL: who may come in. Of a key only its SHA-256 is here."""

import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import insert, literal, select, update

from deployments.engine.errors import InvalidRequest, Unauthorized
from serve_app.jobs import tokens
from serve_app.jobs.caller import Caller
from serve_app.jobs.store.database import Database
from serve_app.jobs.store.schema import api_keys

CLIENT_PATTERN: Final = r"[A-Za-z0-9_.-]{1,100}"
"""Names of clients. None begins as those of callers without a key do."""

_NO_HASH: Final = tokens.key_hash("")
"""Compared with where no key has the id, so that it takes as long."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key, which does not let anybody in. Times are seconds since 1970."""

    id: str
    client: str
    admin: bool
    created_at: float
    revoked_at: float | None


class KeyStore:
    """The keys of a database that whoever made it opens and closes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, client: str, *, admin: bool, now: float) -> tuple[ApiKey, str]:
        """One more key of ``client``; and the key itself, which nobody can tell again.

        Raises:
            InvalidRequest: ``client`` is no name.
        """
        if re.fullmatch(CLIENT_PATTERN, client) is None:
            raise InvalidRequest("client", client, "1 to 100 of the letters a-z and A-Z, digits, and _ . -")
        key_id, key = tokens.new_key()
        made = ApiKey(key_id, client, admin, now, None)
        row = {"id": key_id, "client": client, "hash": tokens.key_hash(key), "admin": admin, "created_at": now}
        async with self._database.transaction() as sql:
            await sql.execute(insert(api_keys).values(row))
        return made, key

    async def keys(self) -> list[ApiKey]:
        """All there are and were, oldest first."""
        async with self._database.reading() as sql:
            rows = (await sql.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id))).all()
        return [ApiKey(row.id, row.client, row.admin, row.created_at, row.revoked_at) for row in rows]

    async def revoke(self, key_id: str, now: float) -> ApiKey | None:
        """End a key, and the sessions made with it; the key, with the time when it was first revoked. ``None``: there
        is no such key.
        """
        valid = api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None)
        await self._database.write(update(api_keys).where(*valid).values(revoked_at=now))
        return next((key for key in await self.keys() if key.id == key_id), None)

    async def identify(self, token: str | None, now: float) -> Caller | None:
        """Whose key or session ``token`` is. ``None`` where nothing was shown and nobody could: there are no keys.

        Raises:
            Unauthorized: the token is no valid one; or there is none, and there are keys.
        """
        if token is None:
            if await self._are_any():
                raise Unauthorized(
                    "a key is needed here: send `Authorization: Bearer dk_…`, or sign in with POST /v1/session"
                )
            return None
        claim = tokens.read(token)
        if claim is None:
            raise _refused()
        async with self._database.reading() as sql:
            row = (await sql.execute(select(api_keys).where(api_keys.c.id == claim.key_id))).one_or_none()
        is_proven = claim.is_proven(_NO_HASH if row is None else row.hash, now)
        if row is None or row.revoked_at is not None or not is_proven:
            raise _refused()
        return Caller(row.client, row.admin)

    async def _are_any(self) -> bool:
        valid = select(literal(1)).where(api_keys.c.revoked_at.is_(None)).limit(1)
        async with self._database.reading() as sql:
            return (await sql.execute(valid)).first() is not None


def _refused() -> Unauthorized:
    """One sentence for every reason: it tells nobody whether there is, or was, such a key."""
    return Unauthorized("this key or session is not known here, has been revoked, or is over")

"""API keys and sessions as text: how they are made, recognised and proven. Pure.

    dk_<key id>_<secret>               a key; at rest there is only its SHA-256
    <key id>.<expiry>.<signature>      a session: signed with the hash of its key, so that it ends with its key

Whoever can read the hashes can therefore sign sessions, though not make out keys; the jobs lie beside them anyway.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Final, Protocol

KEY_PREFIX: Final = "dk_"
"""What every key begins with: text that does not is no key of this service's making."""

_KEY: Final = re.compile(rf"{KEY_PREFIX}([0-9a-f]{{16}})_[0-9a-f]{{64}}")
_SESSION: Final = re.compile(r"([0-9a-f]{16})\.([0-9]{1,12})\.([0-9a-f]{64})")


class Claim(Protocol):
    """What a token says of itself, before it is proven."""

    @property
    def key_id(self) -> str:
        """The key that it is, or was made with."""
        ...

    def is_proven(self, key_hash: str, now: float) -> bool:
        """Whether the token shows knowledge of the key with this hash. Takes as long whatever it shows."""
        ...


@dataclass(frozen=True, slots=True)
class _Key:
    key_id: str
    hash: str

    def is_proven(self, key_hash: str, now: float) -> bool:
        return hmac.compare_digest(self.hash, key_hash)


@dataclass(frozen=True, slots=True)
class _Session:
    key_id: str
    expires_at: int
    signature: str

    def is_proven(self, key_hash: str, now: float) -> bool:
        is_signed = hmac.compare_digest(self.signature, _signature(self.key_id, self.expires_at, key_hash))
        return is_signed and now < self.expires_at


def new_key() -> tuple[str, str]:
    """A key's id and the key itself, with 256 random bits."""
    key_id = secrets.token_hex(8)
    return key_id, f"{KEY_PREFIX}{key_id}_{secrets.token_hex(32)}"


def key_hash(key: str) -> str:
    """What is kept of a key. A fast hash does: nobody can guess 256 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()


def new_session(key: str, expires_at: int) -> str:
    """A session of the holder of ``key``, a valid one, until ``expires_at`` (seconds since 1970)."""
    key_id = key.removeprefix(KEY_PREFIX).partition("_")[0]
    return f"{key_id}.{expires_at}.{_signature(key_id, expires_at, key_hash(key))}"


def read(token: str) -> Claim | None:
    """The claim that ``token`` makes; ``None`` for text that is neither a key nor a session."""
    if (key := _KEY.fullmatch(token)) is not None:
        return _Key(key[1], key_hash(token))
    if (session := _SESSION.fullmatch(token)) is not None:
        return _Session(session[1], int(session[2]), session[3])
    return None


def _signature(key_id: str, expires_at: int, key_hash: str) -> str:
    return hmac.new(key_hash.encode(), f"session {key_id}.{expires_at}".encode(), hashlib.sha256).hexdigest()

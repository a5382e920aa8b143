"""Who asks, what he may see, and how a submission of his is recognised when it comes again."""

import hashlib
import json
from dataclasses import dataclass
from typing import Final

from deployments.engine.pictures import Picture
from deployments.engine.request import PICTURE_FIELDS
from serve_app.jobs.job import JobRequest

MAX_KEY_CHARS: Final = 255
"""Of an ``Idempotency-Key``."""

OWN_ID: Final = "id:"
"""Before a job's id, where that is what its client names the submission by."""

ANONYMOUS: Final = "@"
"""The first character of clients without a key; what follows says where they come from. No key's client has it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever makes a call: the unit of fairness, and the owner of what it submits.

    Attributes:
        client: an API key's client, or :data:`ANONYMOUS` and an address.
        admin: may see and cancel everybody's jobs.
    """

    client: str
    admin: bool = False

    @property
    def is_anonymous(self) -> bool:
        """Without a key. An address proves nothing, so all of these see each other's jobs."""
        return self.client.startswith(ANONYMOUS)

    def may_see(self, client: str) -> bool:
        """Whether the jobs of ``client`` are this caller's to see, to cancel and to delete."""
        return self.admin or client == self.client or (self.is_anonymous and client.startswith(ANONYMOUS))


CLUSTER: Final = Caller(f"{ANONYMOUS}cluster", admin=True)
"""Other applications of the same Ray cluster: they come through a handle, past the doors."""


@dataclass(frozen=True, slots=True)
class Once:
    """A submission that makes one job however often it comes: its client's name for it, and what was asked for."""

    key: str
    fingerprint: str


def fingerprint(request: JobRequest) -> str:
    """SHA-256, in hexadecimal digits, of what a client asked for: equal for a repeat, whatever was drawn for it.

    Hashes whole pictures: not for an event loop. ``request`` is as submitted, with pictures that are no references.
    """
    generation = request.generation
    pictures = {name: picture for name in PICTURE_FIELDS if isinstance(picture := getattr(generation, name), Picture)}
    told = request.model_dump(mode="json", exclude={"generation": {"id", *PICTURE_FIELDS}})
    told["pictures"] = {name: hashlib.sha256(picture.encoded()).hexdigest() for name, picture in pictures.items()}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

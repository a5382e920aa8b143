"""The opaque cursor of a list of jobs: where the last page ended, by keyset, so that new jobs shift nothing."""

import base64
import binascii
import json
import math
import re

from deployments.engine.errors import InvalidRequest
from deployments.engine.request import REQUEST_ID_PATTERN
from serve_app.jobs.job import Job

Key = tuple[float, str]
"""(created_at, id) of the last job that was looked at."""


def key(job: Job) -> Key:
    """Where ``job`` is in the list: a newer one has a greater key."""
    return job.created_at, job.id


def encode(last: Key) -> str:
    """The cursor that continues after the job with this key."""
    return base64.urlsafe_b64encode(json.dumps(last).encode()).decode()


def decode(cursor: str) -> Key:
    """The key that :func:`encode` put in.

    Raises:
        InvalidRequest: the text is no such cursor.
    """
    try:
        created_at, job_id = json.loads(base64.b64decode(cursor.encode(), altchars=b"-_", validate=True))
        found = float(created_at), str(job_id)
    except (binascii.Error, UnicodeError, ValueError, TypeError, OverflowError, RecursionError):
        raise _refused(cursor) from None
    is_id = isinstance(job_id, str) and re.fullmatch(REQUEST_ID_PATTERN, job_id) is not None
    if not (math.isfinite(found[0]) and is_id):
        raise _refused(cursor)
    return found


def _refused(cursor: str) -> InvalidRequest:
    return InvalidRequest("cursor", cursor, "a next_cursor of this list")

"""A job's id in a path."""

import re
from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator

from deployments.engine.errors import JobNotFound
from deployments.engine.request import REQUEST_ID_PATTERN


def _could_be(job_id: str) -> str:
    """Raises JobNotFound for what no job can be called; a database might choke on it."""
    if re.fullmatch(REQUEST_ID_PATTERN, job_id) is None:
        raise JobNotFound(job_id)
    return job_id


JobId = Annotated[str, AfterValidator(_could_be), Path(description="The id that the submission answered.")]

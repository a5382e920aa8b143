"""From an exception to the event that tells it."""

import logging
import secrets

import torch

from deployments.engine.errors import DarkroomError, InternalError, OutOfMemory
from deployments.engine.events import Failed

logger = logging.getLogger(__name__)


def is_fatal(error: BaseException) -> bool:
    """The device can't be used any more (an illegal access, a failed assert): only a new process can go on.

    Running out of memory is not fatal.
    """
    return isinstance(error, torch.AcceleratorError) and not isinstance(error, torch.OutOfMemoryError)


def failed(request_id: str, error: BaseException) -> Failed:
    """The event that ends ``request_id`` because of ``error``.

    Errors of our own tree speak for themselves. The device's out-of-memory gets its code. Anything else is a defect: it
    is logged with its traceback under an id, and only the id is told.
    """
    if isinstance(error, DarkroomError):
        return Failed(request_id, error.code, error.message)
    if isinstance(error, torch.OutOfMemoryError):
        return Failed(request_id, OutOfMemory.code, "the device has not enough memory for this request")
    error_id = secrets.token_hex(4)
    logger.error("request %s failed, error %s", request_id, error_id, exc_info=error)
    return Failed(request_id, InternalError.code, f"an internal error occurred; the log has it as {error_id}")

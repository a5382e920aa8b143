"""The error tree: one class for each stable ``code`` that a client can meet.

    DarkroomError
    ├── InvalidRequest            invalid_request
    │   └── UnsupportedByModel    unsupported_by_model
    ├── Unauthorized              unauthorized
    ├── Forbidden                 forbidden
    ├── ModelNotFound             model_not_found
    ├── ModelUnavailable          model_unavailable      (retry_after_s)
    ├── QueueFull                 queue_full             (retry_after_s)
    ├── TooManyStreams            too_many_streams       (retry_after_s)
    ├── StreamTooLong             stream_too_long
    ├── JobNotFound               job_not_found
    ├── Gone                      gone
    ├── Conflict                  conflict
    ├── GenerationCancelled       cancelled
    ├── DeadlineExceeded          deadline_exceeded
    ├── OutOfMemory               out_of_memory
    ├── Interrupted               interrupted
    ├── HeadersTooLarge           headers_too_large
    ├── PayloadTooLarge           payload_too_large
    ├── UnsupportedMediaType      unsupported_media_type
    └── InternalError             internal

Every layer speaks these words; only ``serve_app.api.errors`` knows that HTTP statuses exist. Errors cross process
boundaries, so each one pickles with all its fields.
"""

from typing import Any


class DarkroomError(Exception):
    """The root of the tree. ``str(error)`` is a sentence that a client may read; ``code`` is stable."""

    code: str = "internal"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__)


def _restore(cls: type[DarkroomError], args: tuple[Any, ...], state: dict[str, Any]) -> DarkroomError:
    """Rebuild an error without calling its constructor, whose parameters differ from ``args``."""
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class InvalidRequest(DarkroomError):
    """A field has a value that is not allowed. The message names the field, the value and what is allowed.

    ``field`` is the name as the client wrote it, dotted for nested fields; ``None`` when the body as a whole is wrong.
    """

    code = "invalid_request"

    def __init__(self, field: str | None, value: object, allowed: str) -> None:
        shown = shorten(value)
        where = f"{field}: " if field else ""
        super().__init__(f"{where}got {shown}, allowed: {allowed}")
        self.field = field
        self.value = shown
        self.allowed = allowed


class UnsupportedByModel(InvalidRequest):
    """The field is valid, but the chosen model has no such ability."""

    code = "unsupported_by_model"

    def __init__(self, field: str, value: object, model: str, allowed: str) -> None:
        super().__init__(field, value, f"{allowed} (model {model})")
        self.model = model


class Unauthorized(DarkroomError):
    """Who asks is not known: the key or session is missing, unknown, revoked or over. Says nothing of which."""

    code = "unauthorized"


class Forbidden(DarkroomError):
    """Nobody is let in this way, whoever it is. The message says which way there is."""

    code = "forbidden"


class ModelNotFound(DarkroomError):
    """The named model is not served here. The message lists those that are."""

    code = "model_not_found"

    def __init__(self, model: str, served: list[str]) -> None:
        super().__init__(f"model: got {shorten(model)}, served here: {', '.join(served) or 'none'}")
        self.field = "model"
        self.model = model
        self.served = served


class _Later(DarkroomError):
    """An error that goes away by itself: the client should try again after ``retry_after_s`` seconds."""

    def __init__(self, message: str, retry_after_s: float = 5.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ModelUnavailable(_Later):
    """The model is configured, but no replica of it can serve now."""

    code = "model_unavailable"


class QueueFull(_Later):
    """The model's queue is at its bound."""

    code = "queue_full"


class TooManyStreams(_Later):
    """The client has as many event streams open as one may."""

    code = "too_many_streams"


class StreamTooLong(DarkroomError):
    """One stream has sent all that one may. The job goes on, and can be followed from there."""

    code = "stream_too_long"


class JobNotFound(DarkroomError):
    """No job has this id."""

    code = "job_not_found"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"no job {shorten(job_id)}")


class Gone(DarkroomError):
    """It existed, and has expired."""

    code = "gone"


class Conflict(DarkroomError):
    """The request contradicts the state of what it names."""

    code = "conflict"


class GenerationCancelled(DarkroomError):
    """The generation was cancelled before it finished."""

    code = "cancelled"

    def __init__(self, message: str = "the generation was cancelled") -> None:
        super().__init__(message)


class DeadlineExceeded(DarkroomError):
    """The client's own deadline has passed."""

    code = "deadline_exceeded"


class OutOfMemory(DarkroomError):
    """The device has not enough memory for this request, even alone."""

    code = "out_of_memory"


class Interrupted(DarkroomError):
    """The service stopped, or lost the replica too often, while the generation was under way."""

    code = "interrupted"


class HeadersTooLarge(DarkroomError):
    """The request line and headers are larger than the service accepts."""

    code = "headers_too_large"


class PayloadTooLarge(DarkroomError):
    """The body is larger than the service accepts."""

    code = "payload_too_large"


class UnsupportedMediaType(DarkroomError):
    """The body's content type is none that this route reads."""

    code = "unsupported_media_type"


class InternalError(DarkroomError):
    """A defect of the service. The message carries an id that finds the traceback in the log, never the traceback."""

    code = "internal"


_RAISED_AGAIN: tuple[type[DarkroomError], ...] = (
    DeadlineExceeded,
    OutOfMemory,
    Interrupted,
    ModelUnavailable,
    GenerationCancelled,
    Gone,
)


def error_of(code: str, message: str) -> DarkroomError:
    """The error that a ``Failed`` event or a failed job stands for, so that it can be raised where it is met.

    A code that no generation should end with comes back as :class:`InternalError`.
    """
    for kind in (InvalidRequest, UnsupportedByModel):  # told by the model's own files alone: whether a LoRA fits
        if kind.code == code:
            return _restore(kind, (message,), {"message": message, "field": None, "value": None, "allowed": None})
    known = {kind.code: kind for kind in _RAISED_AGAIN}
    return known.get(code, InternalError)(message)


def shorten(value: object, limit: int = 80) -> str:
    """``repr(value)``, cut in the middle to ``limit`` characters: errors must not echo a megabyte back."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, str) and len(value) > limit:
        return f"{value[: limit // 2]!r}… ({len(value)} characters)"
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit // 2]}… ({len(text)} characters)"

"""The Ingress replicas and their HTTP API."""

from typing import Self

from pydantic import Field, model_validator

from serve_app.settings.base import Settings


class IngressSettings(Settings):
    """The stateless HTTP replicas."""

    min_replicas: int = Field(default=1, ge=1)
    max_replicas: int = Field(default=1, ge=1)
    target_ongoing_requests: float = Field(default=200, gt=0, description="Open requests and streams per replica.")
    drain_s: float = Field(default=60, ge=0, description="What a replica that is to stop may still take to answer.")

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"min_replicas ({self.min_replicas}) must be at most max_replicas ({self.max_replicas})")
        return self


class ApiSettings(Settings):
    """What the HTTP API accepts."""

    max_body_bytes: int = Field(default=64 * 2**20, ge=1024, description="A larger body is refused with 413.")
    max_held_bytes: int = Field(
        default=512 * 2**20, ge=1024, description="Of all bodies that wait for an answer together; past it, 429."
    )
    max_header_bytes: int = Field(
        default=16 * 2**10, ge=1024, description="Of a request line and its headers; larger ones are refused with 431."
    )
    streams_per_client: int = Field(
        default=1024, ge=1, description="Event streams that one client may have open on one replica; past it, 429."
    )
    stream_bytes: int = Field(
        default=32 * 2**20,
        ge=1024,
        description="What one event stream may send: past it, it ends, and a job's can be resumed.",
    )
    session_s: float = Field(
        default=12 * 3600, ge=60, le=366 * 86400, description="Seconds that a page's session lasts."
    )
    ping_s: float = Field(default=15, gt=0, description="Seconds between comment pings on an idle stream.")
    cors_origins: tuple[str, ...] = Field(default=(), description="Origins allowed by CORS; none by default.")

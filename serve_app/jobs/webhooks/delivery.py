"""One webhook on its way: what is kept of it until it has arrived."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of the outbox. Times are seconds since the epoch (UTC).

    Attributes:
        id: the webhook's id, by which its receiver knows it again: the same at each try.
        model: whose Router sends it.
        host: of ``url``: who answers slowly holds up nobody else.
        body: JSON in ASCII, sent and signed as it is.
        tries: how often it was sent in vain.
        due_at: when to send it next.
    """

    id: str
    model: str
    job_id: str
    url: str
    host: str
    body: str
    tries: int
    due_at: float
    created_at: float

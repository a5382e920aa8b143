"""When a webhook is tried again: pure."""

import re
from collections.abc import Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

DELAYS_S: Final = (5.0, 5 * 60.0, 30 * 60.0, 2 * 3600.0, 5 * 3600.0, 10 * 3600.0, 14 * 3600.0, 20 * 3600.0, 24 * 3600.0)
"""Before the second try, the third, and so on, as Standard Webhooks recommends: three days, in ten tries."""

JITTER: Final = 0.1
"""Each delay is longer or shorter by at most this part of it, so that what failed together does not come together."""

MAX_RETRY_AFTER_S: Final = 24 * 3600.0
"""A receiver that asks for more gets this."""


def pause_s(
    tries: int, chance: float, retry_after_s: float | None = None, delays_s: Sequence[float] = DELAYS_S
) -> float | None:
    """Seconds until the next try after ``tries`` in vain; ``None`` when that was the last one.

    Args:
        chance: from 0 to 1, evenly drawn.
        retry_after_s: what the receiver asked for. It is tried no sooner.
    """
    if tries > len(delays_s):
        return None
    pause = delays_s[tries - 1] * (1 + JITTER * (2 * chance - 1))
    return max(pause, min(retry_after_s or 0.0, MAX_RETRY_AFTER_S))


def retry_after_s(header: str, now: float) -> float | None:
    """The seconds that a ``Retry-After`` asks for, in either of its forms; ``None`` if it is neither."""
    if re.fullmatch(r"\d{1,9}", header, re.ASCII):
        return float(header)
    try:
        when = parsedate_to_datetime(header)
    except ValueError:
        return None
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)  # HTTP's dates are UTC, whatever they say
    return max(0.0, aware.timestamp() - now)

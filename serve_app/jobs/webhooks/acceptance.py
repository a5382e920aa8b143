"""What a webhook must be for its job to get in: pure. Where its name leads is looked at when it is sent."""

from typing import Final

import httpx2

from deployments.engine.errors import InvalidRequest
from serve_app.jobs.job import Webhook
from serve_app.jobs.webhooks.addresses import is_public, literal
from serve_app.settings import WEBHOOK_SECRET_VARIABLE, WebhookSettings

MAX_HOST_CHARS: Final = 253
"""Of a name in DNS (RFC 1035)."""


def check_webhook(webhook: Webhook, settings: WebhookSettings) -> None:
    """Let ``webhook`` pass.

    Raises:
        InvalidRequest: webhooks are not configured here, or the URL is none that one could be sent to.
    """
    if settings.secret is None:
        raise InvalidRequest("webhook", "one", f"none here: `webhooks.secret` or {WEBHOOK_SECRET_VARIABLE} is not set")
    try:
        url = httpx2.URL(webhook.url)
    except httpx2.InvalidURL as error:
        raise _refused(webhook.url, f"a URL ({error})") from None
    if len(url.raw_host) > MAX_HOST_CHARS:
        raise _refused(webhook.url, f"a host of at most {MAX_HOST_CHARS} characters")
    if url.scheme not in {"http", "https"} or not url.host:
        raise _refused(webhook.url, "an absolute URL, http or https")
    if url.userinfo:
        raise _refused("a URL with a user or a password", "one without: the signature tells who sends")
    if url.port is not None and not 1 <= url.port <= 65535:
        raise _refused(webhook.url, "a port from 1 to 65535")
    address = literal(url.host)
    if address is not None and not is_public(address) and not settings.allow_private:
        raise _refused(webhook.url, "no private address")


def _refused(value: str, allowed: str) -> InvalidRequest:
    return InvalidRequest("webhook.url", value, allowed)

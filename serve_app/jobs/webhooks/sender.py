"""One try: a signed POST, and what came back."""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

import httpcore2
import httpx2
from standardwebhooks import Webhook as Signer

from serve_app.jobs.webhooks.delivery import Delivery
from serve_app.jobs.webhooks.network import CheckedNetwork, NotPublic, Resolve
from serve_app.jobs.webhooks.schedule import retry_after_s
from serve_app.settings import WebhookSettings

MAX_ANSWER_BYTES: Final = 64 * 1024
"""Read of an answer, so that its receiver can finish it; a longer one is cut off."""

BUSY: Final = frozenset({429, 503})
"""Statuses whose ``Retry-After`` is heard."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one try.

    Attributes:
        status: of HTTP; ``None`` where there was no answer.
        reason: a few words for the log.
        retry_after_s: what the receiver asked for, if it did.
    """

    status: int | None
    reason: str
    retry_after_s: float | None = None

    @property
    def accepted(self) -> bool:
        """The receiver has it. A redirect is none of that: where it leads, nobody has agreed to."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """The receiver wants to hear nothing more."""
        return self.status == 410


class Sender:
    """Sends each delivery over a connection of its own, to addresses that are checked each time.

    It speaks HTTP by httpcore2, httpx2's own lower layer, which leaves out all that must not be here: redirects,
    proxies and other wishes of the environment, cookies, decompression.
    """

    def __init__(self, settings: WebhookSettings, resolve: Resolve, *, tls: ssl.SSLContext | None = None) -> None:
        """``settings`` have a secret. ``tls`` are the authorities trusted, the system's if absent."""
        secrets = (settings.secret, settings.previous_secret)
        self._signers = [Signer(secret.get_secret_value()) for secret in secrets if secret is not None]
        self._network = CheckedNetwork(resolve, allow_private=settings.allow_private)
        self._tls = tls or httpx2.create_ssl_context(trust_env=False)
        self._timeout_s = settings.timeout_s
        self._agent = f"Darkroom/{version('darkroom')}"

    async def send(self, delivery: Delivery, now: float) -> Answer:
        """Try it once, within the settings' ``timeout_s``. ``now`` is what the signature is dated."""
        answer, failure = None, ""
        try:
            async with asyncio.timeout(self._timeout_s), self._post(delivery, now) as response:
                answer = _answer(response, now)
                await _read(response)
        except TimeoutError:
            failure = f"no answer within {self._timeout_s:g} s"
        except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError, OSError) as error:
            failure = str(error) or type(error).__name__
        except NotPublic as error:
            failure = str(error)
        return answer or Answer(None, failure)  # the status is the answer, whatever became of its body

    @asynccontextmanager
    async def _post(self, delivery: Delivery, now: float) -> AsyncGenerator[httpcore2.Response, None]:
        url = httpx2.URL(delivery.url)
        target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        connection = httpcore2.AsyncHTTPConnection(target.origin, self._tls, network_backend=self._network)
        headers = [(b"Host", url.netloc), (b"Connection", b"close"), *self._headers(delivery, now).items()]
        body, timeouts = delivery.body.encode("ascii"), {"connect": self._timeout_s}
        async with (
            connection,
            connection.stream("POST", target, headers=headers, content=body, extensions={"timeout": timeouts}) as told,
        ):
            yield told

    def _headers(self, delivery: Delivery, now: float) -> dict[bytes | str, bytes | str]:
        when = datetime.fromtimestamp(int(now), UTC)
        return {
            "Content-Type": "application/json",
            "User-Agent": self._agent,
            "webhook-id": delivery.id,
            "webhook-timestamp": str(int(now)),
            "webhook-signature": " ".join(signer.sign(delivery.id, when, delivery.body) for signer in self._signers),
        }


def _answer(response: httpcore2.Response, now: float) -> Answer:
    wait = None
    if response.status in BUSY:
        asked = next((value for name, value in response.headers if name.lower() == b"retry-after"), b"")
        wait = retry_after_s(asked.decode("latin-1"), now)
    return Answer(response.status, f"HTTP {response.status}", wait)


async def _read(response: httpcore2.Response) -> None:
    left = MAX_ANSWER_BYTES
    async with aclosing(response.aiter_stream()) as chunks:
        async for chunk in chunks:
            left -= len(chunk)
            if left <= 0:
                return

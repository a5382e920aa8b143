"""What webhooks are sent to in tests: HTTP servers on loopback that keep what they get."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
OTHER_SECRET = "whsec_NfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Received:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str = SECRET) -> dict[str, Any]:
        """What it says, if its signature is right and its time is now."""
        told: dict[str, Any] = Webhook(secret).verify(self.body, dict(self.headers))
        return told


@dataclass
class Receiver:
    """A server that answers its requests as ``script`` says, one after the other, then 200 to all."""

    script: list[int | bytes | Behaviour]
    url: str = ""
    got: list[Received] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    news: asyncio.Condition = field(default_factory=asyncio.Condition)
    handlers: set[asyncio.Task[Any] | None] = field(default_factory=set)

    async def until(self, count: int) -> list[Received]:
        """The first ``count`` requests, once they have come."""
        async with self.news:
            await self.news.wait_for(lambda: len(self.got) >= count)
        return self.got[:count]

    async def until_idle(self) -> None:
        """Nobody is connected any more."""
        async with self.news:
            await self.news.wait_for(lambda: self.open == 0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.handlers.add(asyncio.current_task())
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                received = await _read(reader)
                wanted = self.script.pop(0) if self.script else 200
                await self._tell(received)
                await _answer(wanted, writer)
        finally:
            self.open -= 1
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
            await self._tell(None)

    async def _tell(self, received: Received | None) -> None:
        async with self.news:
            self.got += [received] if received else []
            self.news.notify_all()


@asynccontextmanager
async def receiver(
    *script: int | bytes | Behaviour, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """A receiver that listens. A step of its script is a status, the bytes of an answer, or what to do."""
    one = Receiver(list(script))
    server = await asyncio.start_server(one.serve, host, 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    one.url = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}/jobs"
    try:
        yield one
    finally:
        server.close()
        for handler in one.handlers:
            if handler is not None:
                handler.cancel()


def answering(status: int, *headers: str) -> bytes:
    """A whole answer with these headers."""
    return "\r\n".join([f"HTTP/1.1 {status} told", *headers, "Content-Length: 0", "", ""]).encode()


async def silence(writer: asyncio.StreamWriter) -> None:
    """Never answers."""
    await asyncio.Event().wait()


async def endlessly(writer: asyncio.StreamWriter, head: bytes, chunk: bytes, pause_s: float = 0) -> None:
    """Sends ``head`` and then ``chunk`` for as long as somebody listens."""
    writer.write(head)
    while True:
        writer.write(chunk)
        await writer.drain()
        await asyncio.sleep(pause_s)


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
    return Received(method, path, headers, await reader.readexactly(int(headers["content-length"])))


async def _answer(wanted: int | bytes | Behaviour, writer: asyncio.StreamWriter) -> None:
    match wanted:
        case int():
            writer.write(answering(wanted))
        case bytes():
            writer.write(wanted)
        case _:
            await wanted(writer)
    await writer.drain()


def kinds(received: Sequence[Received]) -> list[str]:
    """What the requests tell, in order."""
    return [one.verified()["type"] for one in received]

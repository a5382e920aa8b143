"""Connections to addresses that were checked: a name is resolved once, and to what it led then is connected."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import ip_address
from typing import Final

import httpcore2

from serve_app.jobs.webhooks.addresses import Address, is_public

MAX_ADDRESSES: Final = 4
"""Of one name, to be tried one after the other."""

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
"""All addresses of a host; raises OSError or UnicodeError where there are none."""


class NotPublic(Exception):
    """A name leads to an address that webhooks may not be sent to."""

    def __init__(self, host: str, address: Address) -> None:
        super().__init__(f"{host} is at {address}, which is no public address")


class Resolver:
    """The system's resolver, on threads of its own: name servers that don't answer must not hold up anything else."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="webhook-names")

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        return tuple(dict.fromkeys(ip_address(str(where[0])) for *_, where in found))

    def close(self) -> None:
        """Look up nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class CheckedNetwork(httpcore2.AsyncNetworkBackend):
    """TCP to a host of which every address may be connected to, or to none of them.

    One private address among public ones is enough to refuse: a name that answers so means to be used so. HTTP and TLS
    above this know the name alone, so the Host header, SNI and the certificate are of the name.
    """

    def __init__(self, resolve: Resolve, *, allow_private: bool) -> None:
        self._resolve = resolve
        self._allow_private = allow_private
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to the first address that takes one.

        Raises:
            NotPublic: an address of ``host`` may not be connected to.
            httpcore2.ConnectError: the name is unknown, or none of its addresses takes a connection.
            httpcore2.ConnectTimeout: the last of them did not answer; each has its share of ``timeout``.
        """
        addresses = (await self._checked(host, port))[:MAX_ADDRESSES]
        share = None if timeout is None else timeout / len(addresses)
        for address in addresses[:-1]:
            try:
                return await self._network.connect_tcp(str(address), port, share, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._network.connect_tcp(str(addresses[-1]), port, share, local_address, socket_options)

    async def _checked(self, host: str, port: int) -> Sequence[Address]:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"{host} can't be resolved: {error}") from error
        if not addresses:
            raise httpcore2.ConnectError(f"{host} has no address")
        for address in addresses:
            if not (self._allow_private or is_public(address)):
                raise NotPublic(host, address)
        return addresses

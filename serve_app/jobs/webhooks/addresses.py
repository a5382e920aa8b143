"""Which addresses a webhook may go to: pure. Whoever submits a job must not reach into this service's own network."""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

Address = IPv4Address | IPv6Address

_UNICAST: Final = IPv6Network("2000::/3")
"""All of IPv6 that anybody has been given for the internet. The rest is local, special, or not given yet."""

_NAT64: Final = IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Whether ``address`` is one host of the internet.

    An IPv6 address that stands for an IPv4 address (mapped, NAT64, 6to4) is judged by that: the network leads there.
    """
    meant = _meant(address)
    if isinstance(meant, IPv6Address):
        return meant in _UNICAST and meant.is_global
    return meant.is_global and not meant.is_multicast


def literal(host: str) -> Address | None:
    """The address that ``host`` spells, also in the spellings of old that resolvers take (``127.1``, ``0x7f000001``);
    ``None`` for a name."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def _meant(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address

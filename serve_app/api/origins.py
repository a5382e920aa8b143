"""Where a request comes from: this machine or another one, a page of this service or a foreign one. Pure."""

from collections.abc import Collection
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from deployments.engine.errors import Forbidden

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""They change nothing (RFC 9110, section 9.2.1)."""

_FORWARDED: Final = ("forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip")


def why_not_local(request: HTTPConnection) -> str | None:
    """What speaks against the sender being a person on this machine, in a few words; ``None`` if nothing does.

    A proxy on this machine hands in anybody's requests. And a page from anywhere can have a browser on this machine
    send some, after its own name has been made to mean 127.0.0.1: then the Host header names another host.
    """
    address = request.client.host if request.client else "an unknown address"
    if not _is_loopback(address):
        return f"from {address}"
    for name in request.headers:
        if name in _FORWARDED or name.startswith("x-forwarded"):
            return f"through a proxy, as its header {name} tells"
    host = _host(request.headers.get("host", ""))
    if host != "localhost" and not _is_loopback(host):
        return "for a host that is not this machine's loopback"
    return None


def refuse_foreign_page(request: HTTPConnection, allowed: Collection[str]) -> None:
    """Raises Forbidden for a request that a browser made for a page of another origin, but for the ``allowed`` ones.

    Browsers send forms anywhere without asking, and to this machine from any page.
    """
    origin = request.headers.get("origin")
    if origin in allowed or "*" in allowed:
        return
    if not _is_same_origin(request, unknown=True):
        raise Forbidden("pages of other origins can't do this, unless `cors_origins` names theirs")


def require_own_page(request: HTTPConnection) -> None:
    """Raises Forbidden unless the browser says that it made the request for a page of this service."""
    if not _is_same_origin(request, unknown=False):
        raise Forbidden("a session counts only for pages of this service; programs send an API key instead")


def _is_same_origin(request: HTTPConnection, *, unknown: bool) -> bool:
    """``unknown``: the answer where the request does not tell."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin" or (unknown and site == "none")  # none: the user, not a page
    origin = request.headers.get("origin")
    if origin is None:
        return unknown
    # without the scheme: behind a proxy that ends TLS, this service does not know it
    return urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def _host(header: str) -> str:
    """The host that a Host header names, without its port, in lower case; empty for nonsense."""
    try:
        read = urlsplit(f"//{header}")
        is_plain = read.username is None and read.netloc == header and (read.port is None or read.port > 0)
    except ValueError:  # brackets without a partner, a port that is no number
        return ""
    return (read.hostname or "") if is_plain else ""

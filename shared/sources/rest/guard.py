"""Keeps requests away from addresses that an API never has: this machine, its neighbours, the cloud's own services.

An API's path, its links and its redirects come from outside, and the identity endpoint, which gives out tokens of the
app, listens on such an address. A name is looked at by the addresses it resolves to, and again by the address that a
connection has reached, so that a name that changes in between gains nothing.
"""

from __future__ import annotations

import os
import socket
import ssl
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from shared.errors.hierarchy import SourceError
from shared.settings import settings

_METADATA = [ip_network(net) for net in ("168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32", "fd00:ec2::254")]
_NAT64 = ip_network("64:ff9b::/96")
_LOCAL_NAT64 = ip_network("64:ff9b:1::/48")  # RFC 8215: the IPv4 address may be anywhere within, so all of it counts
_COMPATIBLE = ip_network("::/96")  # RFC 4291, 2.5.5.1, given up, but a kernel may still route it
_IDENTITY_ENDPOINTS = ("IDENTITY_ENDPOINT", "MSI_ENDPOINT")


def is_private(address: str) -> bool:
    """Whether an IP address is loopback, link-local, unspecified, multicast or a metadata service."""
    written = ip_address(address.partition("%")[0])
    return any(_is_private(ip) for ip in (written, *_carried(written)))


def _is_private(ip: IPv4Address | IPv6Address) -> bool:
    if ip.version == 6 and ip in _LOCAL_NAT64:
        return True
    if ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_multicast:
        return True
    return any(ip in network for network in _METADATA if network.version == ip.version)


def check_host(host: str, port: int) -> None:
    """See that a host may be asked; a name that does not resolve is left to the request.

    Raises:
        SourceError: it may not.
    """
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return
    for *_, address in found:
        check_address(host, port, str(address[0]))


def check_address(host: str, port: int, address: str) -> None:
    """See that an address of `host` may be asked.

    Raises:
        SourceError: it may not.
    """
    place = f"{host}:{port}"
    if place.lower() in _identity_endpoints() or f"{address}:{port}" in _identity_endpoints():
        raise SourceError(f"{place} is the app's identity endpoint, which no API job may ask.")
    if not is_private(address) or {host, place} & settings().private_hosts:
        return
    raise SourceError(
        f"{place} is at {address}, a loopback, link-local or metadata address, which API jobs may not ask. "
        f"If that is meant, name {place} in the setting API_PRIVATE_HOSTS."
    )


def _carried(ip: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses that an IPv6 address carries: it leads to them where a gateway translates it."""
    if isinstance(ip, IPv4Address):
        return []
    found = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in _NAT64 or ip in _COMPATIBLE:
        found.append(IPv4Address(int(ip) & 0xFFFFFFFF))
    return [one for one in found if one is not None]


@cache
def _resolved(host: str, port: int) -> frozenset[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return frozenset()
    return frozenset(f"{address[0]}:{port}" for *_, address in found)


def _identity_endpoints() -> set[str]:
    """`host:port` of the endpoints that give out tokens of the app, by name and by address."""
    parts = [urlsplit(os.environ.get(name, "")) for name in _IDENTITY_ENDPOINTS]
    named = {(part.hostname, part.port or (443 if part.scheme == "https" else 80)) for part in parts if part.hostname}
    return {f"{host}:{port}" for host, port in named}.union(*(_resolved(host, port) for host, port in named))


class _Guarded:
    """A connection that looks at the address it has reached before it says anything."""

    host: str
    port: int

    def _new_conn(self) -> socket.socket:
        check_host(self.host, self.port)
        connected: socket.socket = super()._new_conn()  # type: ignore[misc]  # urllib3's, in the classes below
        try:
            check_address(self.host, self.port, str(connected.getpeername()[0]))
        except BaseException:
            connected.close()
            raise
        return connected


class _GuardedHTTPConnection(_Guarded, HTTPConnection):
    pass


class _GuardedHTTPSConnection(_Guarded, HTTPSConnection):
    pass


class _GuardedHTTPPool(HTTPConnectionPool):
    ConnectionCls = _GuardedHTTPConnection


class _GuardedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedHTTPSConnection


class GuardedAdapter(HTTPAdapter):
    """requests' transport over guarded connections; behind a proxy only the name itself can be looked at.

    Args:
        trust: the certificates to trust; None for those of requests.
        pool_maxsize: connections that stay open.
    """

    def __init__(self, trust: ssl.SSLContext | None, pool_maxsize: int) -> None:
        self._trust = trust
        super().__init__(pool_maxsize=pool_maxsize)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        if self._trust:
            kwargs["ssl_context"] = self._trust
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _GuardedHTTPPool, "https": _GuardedHTTPSPool}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if self._trust:
            kwargs["ssl_context"] = self._trust
        return super().proxy_manager_for(proxy, **kwargs)

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("proxies"):  # without one, a connection has looked at the host when it was opened
            parts = urlsplit(request.url)
            check_host(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        return super().send(request, *args, **kwargs)

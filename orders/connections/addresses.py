"""Which addresses we call on behalf of what people entered. Rule: the address that is connected to is the
one that is checked (after DNS, for every connection), so that no name can lead into our own network.
"""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from ipaddress import IPv4Network as _IPv4Network
from typing import Any

from yarl import URL

from crm_core.errors import Invalid

Networks = Sequence[_IPv4Network | IPv6Network]
_NAT64 = IPv6Network("64:ff9b::/96")
_LONGEST = 500


class AddressRefused(OSError):
    """It is private, of this machine, of the cloud's metadata, or otherwise nobody's on the internet."""


def is_allowed(address: str, allowed: Networks, *, public: bool = True) -> bool:
    """Whether it may be connected to: what the settings allow, and else only `public` addresses."""
    try:
        ip = _innermost(ip_address(address.partition("%")[0]))
    except ValueError:
        return False
    if any(ip.version == network.version and ip in network for network in allowed):
        return True
    return public and ip.is_global and not (ip.is_multicast or ip.is_reserved)


def guarded_socket(allowed: Networks, *, public: bool) -> Any:
    """For aiohttp's `socket_factory`: a socket for an address that may be connected to."""

    def make(info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, address = info
        if not is_allowed(str(address[0]), allowed, public=public):
            raise AddressRefused(f"{address[0]} is not an address that may be called")
        return socket.socket(family=family, type=kind, proto=protocol)

    return make


def checked_url(url: str) -> str:
    """The URL as it is kept. Raises Invalid; what its name leads to is checked at each connection."""
    try:
        parsed = URL(url)
        fine = parsed.scheme in ("https", "http") and bool(parsed.host) and bool(parsed.port)
    except ValueError:
        fine = False
    if not fine or len(url) > _LONGEST or parsed.user or parsed.password or parsed.fragment:
        raise Invalid(
            f"Give a URL such as https://shop.example/hook, without a password in it and of at most "
            f"{_LONGEST} characters.",
            fields={"url": "form"},
        )
    return url


def checked_address(url: str) -> str:
    """The same for a field of a model. Raises ValueError."""
    try:
        return checked_url(url)
    except Invalid as error:
        raise ValueError(error.message) from error


def _innermost(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(ip, IPv4Address):
        return ip
    inner = ip.ipv4_mapped or ip.sixtofour
    if inner is None and ip in _NAT64:
        inner = IPv4Address(int(ip) & 0xFFFFFFFF)
    return inner or ip

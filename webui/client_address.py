"""Where a request comes from, also through proxies.

Rule: what a header says is believed only from a proxy that the settings name, and of it only the right-most
address that is no such proxy; what stands left of that anybody may have written.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal

from aiohttp import web

Header = Literal["X-Forwarded-For", "Forwarded"]
_Address = IPv4Address | IPv6Address
_MOST_HOPS = 50
_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]*)\](?::\d+)?|(?P<v4>[0-9.]+):\d+")
_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*(?:"(?P<quoted>[^"]*)"|(?P<token>[^;\s]*))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Proxies:
    """`trusted` are the networks of the proxies before the daemon, `header` the one that they write.

    They must set or append that header for every request, or remove what came in it.
    """

    trusted: Sequence[IPv4Network | IPv6Network] = ()
    header: Header = "X-Forwarded-For"

    def client(self, request: web.Request) -> str:
        """The address that a request came from; empty when that is not known."""
        return self.first_unknown(request.remote or "", request.headers.getall(self.header, ()))

    def first_unknown(self, peer: str, lines: Iterable[str]) -> str:
        """Going back from the peer over what its headers say, as far as each can be trusted."""
        address = _read(peer)
        if address is None or not self._trusts(address):
            return peer
        hops = [hop for line in lines for hop in line.split(",")]
        for hop in reversed(hops[-_MOST_HOPS:]):
            before = _read(hop if self.header == "X-Forwarded-For" else _for(hop))
            if before is None:
                break
            address = before
            if not self._trusts(address):
                break
        return str(address)

    def _trusts(self, address: _Address) -> bool:
        return any(address in network for network in self.trusted)


def _for(hop: str) -> str:
    """The `for=` of an element of the header Forwarded (RFC 7239)."""
    found = _FOR.search(hop)
    return "" if found is None else found["quoted"] or found["token"] or ""


def _read(written: str) -> _Address | None:
    """An address, with a port or without; None for `unknown`, a pseudonym, or nonsense."""
    written = written.strip()
    ported = _WITH_PORT.fullmatch(written)
    try:
        address = ip_address(ported["v6"] or ported["v4"] or "" if ported else written)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address

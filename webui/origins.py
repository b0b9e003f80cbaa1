"""Which web pages may speak to the daemon.

Rule: the origin is compared whole, as text; a missing one is refused. Forwarding headers and the
Host header are never believed.
"""

from collections.abc import Iterable

from aiohttp import web

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Origins:
    """The addresses people type, and this machine's own at the port where the daemon listens."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(origin.rstrip("/") for origin in allowed)

    def allows(self, request: web.Request) -> bool:
        origin = request.headers.get("Origin")
        return origin is not None and (origin in self._allowed or origin in _own(request))


def _own(request: web.Request) -> frozenset[str]:
    transport = request.transport
    name = transport.get_extra_info("sockname") if transport is not None else None
    if name is None:
        return frozenset()
    scheme = "https" if request.secure else "http"
    return frozenset(f"{scheme}://{host}:{name[1]}" for host in _LOOPBACK)

"""Service tokens on the wire: `Authorization: Bearer zj_…`.

Rule: a request with a bearer token is a program's; its cookie, if it has one, is not looked at.
"""

from aiohttp import web

from crm_core.errors import Forbidden

_LONGEST = 200


class TokenNotAccepted(Forbidden):
    code = "token_not_accepted"


def bearer_of(request: web.Request) -> str | None:
    """The token, None when the request names none; one that cannot be a token is good for nothing."""
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer":
        return None
    return token.strip()[:_LONGEST]

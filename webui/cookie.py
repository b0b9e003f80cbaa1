"""The session's cookie.

Rule: scripts cannot read it, other sites cannot make a browser send it, and with `__Host-` no other
host of the same domain can set it.
"""

from aiohttp import web

from webui.services import WebOptions

SECURE_NAME = "__Host-zongji"
PLAIN_NAME = "zongji"


def token_of(request: web.Request, options: WebOptions) -> str | None:
    return request.cookies.get(_name(options))


def set_token(response: web.Response, token: str, seconds: int, options: WebOptions) -> None:
    response.set_cookie(
        _name(options),
        token,
        max_age=seconds,
        path="/",
        secure=options.secure_cookie,
        httponly=True,
        samesite="Strict",
    )


def clear_token(response: web.Response, options: WebOptions) -> None:
    response.del_cookie(
        _name(options),
        path="/",
        secure=options.secure_cookie,
        httponly=True,
        samesite="Strict",
    )


def _name(options: WebOptions) -> str:
    return SECURE_NAME if options.secure_cookie else PLAIN_NAME

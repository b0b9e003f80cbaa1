"""Refusals of the web door, and which HTTP status each refusal of the house becomes.

Rule: the nearest class in STATUS decides, so that a new refusal of a known kind needs no line here.
The body is always `{"error": {"code", "message", "fields"?}}`; no answer ever carries a traceback.

DomainError
├── Unauthenticated     no session, or one that has ended
├── OriginRefused       the page that asks is not one of ours
├── NotOurPage          the header that our pages send is missing
├── BadRequest          the request cannot be read (fields names the inputs)
├── TooManyPages        one person has too many pages open
└── NotFound            …of crm_core, as are Invalid, Forbidden, Conflict
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from crm_core.errors import (
    Conflict,
    DatabaseUnavailable,
    DomainError,
    Forbidden,
    Invalid,
    LoginRefused,
    NotFound,
    TooManyAttempts,
)
from orders.connections.errors import SignatureRefused
from orders.errors import UnknownProduct


class Unauthenticated(DomainError):
    code = "unauthenticated"


class OriginRefused(DomainError):
    code = "origin_refused"


class NotOurPage(DomainError):
    code = "not_our_page"


class BadRequest(DomainError):
    code = "bad_request"


class TooManyPages(DomainError):
    code = "too_many_pages"


STATUS: Mapping[type[DomainError], int] = {
    BadRequest: 400,
    Unauthenticated: 401,
    LoginRefused: 401,
    SignatureRefused: 401,
    Forbidden: 403,
    OriginRefused: 403,
    NotOurPage: 403,
    NotFound: 404,
    UnknownProduct: 409,  # what is missing stands in the body, the address exists
    Conflict: 409,
    Invalid: 422,
    TooManyAttempts: 429,
    TooManyPages: 429,
    DatabaseUnavailable: 503,
    DomainError: 409,
}


def status_of(error: DomainError) -> int:
    """The HTTP status of a refusal."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def answer(error: DomainError) -> web.Response:
    """The refusal as the page reads it."""
    return refusal(status_of(error), error.code, error.message, error.fields)


def refusal(
    status: int, code: str, message: str, fields: Mapping[str, Any] | None = None
) -> web.Response:
    told: dict[str, Any] = {"code": code, "message": message}
    if fields:
        told["fields"] = dict(fields)
    return web.json_response({"error": told}, status=status)

"""The key that makes a request one thing, however often it is sent."""

import re

from aiohttp import web

from crm_core.errors import Invalid

KEY = "Idempotency-Key"
_FORM = re.compile(r"[A-Za-z0-9._~-]{8,64}")


def key_of(request: web.Request) -> str:
    """Raises Invalid."""
    key = request.headers.get(KEY, "")
    if _FORM.fullmatch(key) is None:
        raise Invalid(
            f"Send {KEY}: 8 to 64 letters, digits and . _ ~ -, made once for each order or document.",
            fields={KEY: "missing" if not key else "form"},
        )
    return key

"""`Idempotency-Key`: a request that creates something does so once, however often it is sent.

Rule: one mechanism for every route that declares it (`Route.once`); only an order's key is the order's own
and holds for ever. A refusal leaves the key free, because nothing was changed.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from crm_core.errors import CommitUnknown, DomainError, Invalid
from crm_core.request_keys.service import Answered
from webui.asked import Asked

KEY = "Idempotency-Key"
KEY_FORM = re.compile(r"[A-Za-z0-9._~-]{8,64}")


def key_of(request: web.Request) -> str:
    """Raises Invalid."""
    key = request.headers.get(KEY, "")
    if KEY_FORM.fullmatch(key) is None:
        raise Invalid(
            f"Send {KEY}: 8 to 64 letters, digits and . _ ~ -, made once for what is to be done once.",
            fields={KEY: "missing" if not key else "form"},
        )
    return key


async def once(
    asked: Asked[Any, Any], work: Callable[[], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """The answer, of now or of before. Raises what the work raises, and the refusals of RequestKeys."""
    keys, who = asked.services.crm.request_keys, asked.principal
    key = key_of(asked.request)
    before = await keys.take(who.user_id, key, await _fingerprint(asked.request))
    if before is not None:
        return _response(before)
    try:
        answer = await work()
    except CommitUnknown:
        raise
    except DomainError:
        await keys.give_back(who.user_id, key)
        raise
    text = answer.text if isinstance(answer, web.Response) else None
    await keys.done(who.user_id, key, Answered(answer.status, text or ""))
    return answer


async def _fingerprint(request: web.Request) -> str:
    said = f"{request.method} {request.path_qs}\n".encode() + await request.read()
    return hashlib.sha256(said).hexdigest()


def _response(before: Answered) -> web.Response:
    kind = "application/json" if before.answer else None
    return web.Response(text=before.answer or None, status=before.status, content_type=kind)

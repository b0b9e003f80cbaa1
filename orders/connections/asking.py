"""JSON over HTTP for connectors. Rule: whatever is not a JSON object or list is a passing fault."""

import json
from collections.abc import Mapping
from typing import Any

from orders.connections.errors import ConnectorError
from orders.connections.outgoing import NoAnswer, Outgoing

_OK, _SERVER, _BUSY = 200, 500, 429


async def ask_json(
    outgoing: Outgoing,
    method: str,
    url: str,
    content: Any = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[Any, Mapping[str, str]]:
    """The answer and its headers. Raises ConnectorError."""
    body = None if content is None else json.dumps(content, ensure_ascii=False).encode()
    sent = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    try:
        answer = await outgoing.ask(method, url, body=body, headers=sent)
    except NoAnswer as error:
        raise ConnectorError("unreachable", error.reason, permanent=error.refused) from error
    if answer.status != _OK:
        passing = answer.status >= _SERVER or answer.status == _BUSY
        raise ConnectorError("http", f"answered {answer.status}", permanent=not passing)
    try:
        return json.loads(answer.body), answer.headers
    except ValueError as error:
        raise ConnectorError("no_json", "the answer is not JSON", permanent=False) from error


def member(found: Any, *names: str) -> Any:
    """What stands under these names; None where there is nothing."""
    for name in names:
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found

"""Files that are handed in as the body of a request. Rule: never more than is allowed, never in memory whole."""

from pathlib import Path

from aiohttp import web

from crm_core.errors import Invalid

_CHUNK = 1 << 18


async def receive(request: web.Request, path: Path, most_bytes: int) -> None:
    """Write the body into a file. Raises Invalid when it is empty, and aiohttp's refusal when it is too large."""
    size = 0
    with path.open("wb") as file:
        async for chunk in request.content.iter_chunked(_CHUNK):
            size += len(chunk)
            if size > most_bytes:
                raise web.HTTPRequestEntityTooLarge(most_bytes, size)
            file.write(chunk)
    if size == 0:
        raise Invalid("The file is empty.", fields={"body": "empty"})

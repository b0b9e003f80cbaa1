"""A file's content as an answer, whole or the part that a player asks for (RFC 9110, section 14).

Rule: the first bytes are read before the answer begins, so that what cannot be read is refused properly; reading goes
on in threads, a piece at a time.
"""

import asyncio
from collections.abc import Mapping

from aiohttp import web

from crm_core.sealed_files import FileReader

_PIECE = 256 * 1024


async def ranged(
    request: web.Request, file: FileReader, headers: Mapping[str, str]
) -> web.StreamResponse:
    """200 with all of it, 206 with a part, 416 for a part that is not there. Raises FileDamaged."""
    try:
        start, stop = _part(request, file.size)
    except ValueError:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{file.size}"})
    whole = "Range" not in request.headers
    answer = web.StreamResponse(status=200 if whole else 206, headers=headers)
    answer.headers["Accept-Ranges"] = "bytes"
    answer.content_length = stop - start
    if not whole:
        answer.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size}"
    piece = await asyncio.to_thread(file.read, start, min(_PIECE, stop - start))
    await answer.prepare(request)
    while piece and request.method != "HEAD":
        await answer.write(piece)
        start += len(piece)
        piece = await asyncio.to_thread(file.read, start, min(_PIECE, stop - start))
    await answer.write_eof()
    return answer


def _part(request: web.Request, size: int) -> tuple[int, int]:
    """From where to where. Raises ValueError."""
    wanted = request.http_range
    start, stop, _ = wanted.indices(size)
    if "Range" in request.headers and start >= stop:
        raise ValueError("there is no such part")
    return start, stop

"""Files that are made for one answer. Rule: nothing of them stays on the disk, nor in the browser's cache."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"


async def made(write: Callable[[Path], Awaitable[str]], kind: str) -> web.Response:
    """What `write` puts into the file; it gives the name under which it is saved."""
    with tempfile.NamedTemporaryFile(delete=False) as file:
        path = Path(file.name)
    try:
        name = await write(path)
        content = await asyncio.to_thread(path.read_bytes)
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    return web.Response(
        body=content,
        content_type=kind,
        charset="utf-8" if kind == CSV else None,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )

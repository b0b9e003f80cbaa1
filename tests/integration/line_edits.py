"""The line is edited as supervisors do it, and is as it was afterwards."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import yaml

from tests.integration.workplace import Workplace, until

Document = dict[str, Any]


async def change(work: Workplace, edit: Callable[[Document], None]) -> None:
    """Apply the edit; it is live afterwards."""
    live = await work.board.request("GET", "/api/line")
    line = yaml.safe_load(live["text"])
    edit(line)
    text = yaml.safe_dump(line, allow_unicode=True, sort_keys=False)
    edited = {"version": live["version"], "text": text, "note": "改"}
    await work.board.request("PUT", "/api/line", edited)
    await _is_live(work, text)


@asynccontextmanager
async def line_as_it_was(work: Workplace) -> AsyncIterator[dict[str, Any]]:
    """The line of now, which is the line again afterwards."""
    live = await work.board.request("GET", "/api/line")
    try:
        yield live
    finally:
        now = await work.board.request("GET", "/api/line")
        back = {"version": now["version"], "to": live["version"]}
        await work.board.request("POST", "/api/line/roll-back", back)
        await _is_live(work, live["text"])


async def _is_live(work: Workplace, text: str) -> None:
    kept = work.stack.installation.var / "line.yaml"

    async def look() -> bool:
        return kept.read_text(encoding="utf-8") == text

    await until(look)

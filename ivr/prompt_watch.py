"""Prompts that callers would not hear, found without a caller.

Rule: it only looks. What is named is one that the line of now may say and whose file is away or would not play; it is
named until the file is back.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from crm_core.worker import Worker
from ivr.menu import Menus
from ivr.prompts import Prompt, PromptLibrary, faults_of, texts

log = structlog.get_logger(__name__)

_Stamp = tuple[int, int]


class PromptWatch(Worker):
    """Looks every few seconds. `silent`: what would not play, as `zh/menu_main`; `not_played`: how often Asterisk played
    nothing of a prompt since the start.
    """

    def __init__(
        self, library: PromptLibrary, menus: Callable[[], Menus], *, every_s: float = 10.0
    ) -> None:
        super().__init__("prompts", every_s=every_s)
        self._library = library
        self._menus = menus
        self._wanted: tuple[Menus, tuple[Prompt, ...]] | None = None
        self._plays: dict[Path, tuple[_Stamp, bool]] = {}
        self.silent: tuple[str, ...] = ()
        self.not_played = 0

    def note_not_played(self, _path: str) -> None:
        """A caller heard nothing of it."""
        self.not_played += 1

    async def run_once(self) -> int:
        """How many would not play."""
        found = await asyncio.to_thread(self._look, self._menus())
        if found != self.silent:
            self.silent = found
            if found:
                log.error("prompts_would_not_play", prompts=found)
            else:
                log.info("prompts_play_again")
        return len(found)

    def _look(self, menus: Menus) -> tuple[str, ...]:
        if self._wanted is None or self._wanted[0] is not menus:
            self._wanted = menus, tuple(texts(menus))
        return tuple(sorted(each.key for each in self._wanted[1] if not self._would_play(each)))

    def _would_play(self, prompt: Prompt) -> bool:
        """A file that is as it was is not opened again."""
        file = self._library.file(prompt)
        try:
            found = file.stat()
            stamp = found.st_mtime_ns, found.st_size
            known = self._plays.get(file)
            if known is None or known[0] != stamp:
                known = self._plays[file] = stamp, not any(faults_of(file))
        except OSError:
            return False
        return known[1]

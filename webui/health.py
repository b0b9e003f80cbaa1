"""How the parts that Zongji stands on are doing, for boards, notices and the health address.

Rule: it only looks; nobody waits for an answer here.
"""

from collections.abc import Sequence

from pydantic import BaseModel

from acd.recording_space import RecordingSpace
from crm_core.db import Database
from ivr.prompt_watch import PromptWatch
from webui.ports import Node
from webui.views import AsteriskHealth, DatabaseHealth, NoticeView, PromptHealth, RecordingHealth

DATABASE_AWAY = "database_unavailable"
ASTERISK_AWAY = "asterisk_down"
PROMPTS_SILENT = "prompts_silent"
ROOM = {"low": "recording_space_low", "full": "recording_stopped"}
_MOST_NAMED = 5


class Health:
    """What is connected now."""

    def __init__(
        self,
        database: Database,
        nodes: Sequence[Node],
        room: RecordingSpace,
        prompts: PromptWatch,
    ) -> None:
        self._database = database
        self._room = room
        self._prompts = prompts
        self._nodes = nodes

    @property
    def status(self) -> str:
        """`ok`, or `degraded` while calls or orders go on with less."""
        return "degraded" if self.supervisors_notices() else "ok"

    def asterisk(self) -> AsteriskHealth:
        nodes = {node.name: node.connected for node in self._nodes}
        return AsteriskHealth(connected=all(nodes.values()), nodes=nodes)

    def system(self) -> dict[str, BaseModel]:
        """For the board."""
        return {
            "asterisk": self.asterisk(),
            "database": DatabaseHealth(available=self._database.available),
            "recording": RecordingHealth(
                recorded=self._room.space != "full", room=self._room.space == "enough"
            ),
            "prompts": PromptHealth(played=not self._prompts.silent),
        }

    def supervisors_notices(self) -> dict[str, BaseModel]:
        """For those who look after the line: also what callers do not hear, and how that is mended."""
        found, silent = self.notices(), self._prompts.silent
        if silent:
            more = ", …" if len(silent) > _MOST_NAMED else ""
            params = {"count": str(len(silent)), "prompts": ", ".join(silent[:_MOST_NAMED]) + more}
            found[PROMPTS_SILENT] = NoticeView(
                id=PROMPTS_SILENT, code=PROMPTS_SILENT, params=params
            )
        return found

    def notices(self) -> dict[str, BaseModel]:
        """For everybody whose work is touched by it."""
        found: dict[str, BaseModel] = {}
        if not self._database.available:
            found[DATABASE_AWAY] = NoticeView(id=DATABASE_AWAY, code=DATABASE_AWAY, params={})
        code = ROOM.get(self._room.space)
        if code is not None:
            found[code] = NoticeView(id=code, code=code, params={})
        for node in self._nodes:
            if not node.connected:
                key = f"{ASTERISK_AWAY}.{node.name}"
                found[key] = NoticeView(id=key, code=ASTERISK_AWAY, params={"node": node.name})
        return found

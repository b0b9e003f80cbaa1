"""How the parts that Zongji stands on are doing, for boards, notices and the health address.

Rule: it only looks; nobody waits for an answer here.
"""

from collections.abc import Sequence

from pydantic import BaseModel

from crm_core.db import Database
from webui.ports import Node
from webui.views import AsteriskHealth, DatabaseHealth, NoticeView

DATABASE_AWAY = "database_unavailable"
ASTERISK_AWAY = "asterisk_down"


class Health:
    """What is connected now."""

    def __init__(self, database: Database, nodes: Sequence[Node]) -> None:
        self._database = database
        self._nodes = nodes

    @property
    def status(self) -> str:
        """`ok`, or `degraded` while calls or orders go on with less."""
        return "degraded" if self.notices() else "ok"

    def asterisk(self) -> AsteriskHealth:
        nodes = {node.name: node.connected for node in self._nodes}
        return AsteriskHealth(connected=all(nodes.values()), nodes=nodes)

    def system(self) -> dict[str, BaseModel]:
        """For the board."""
        return {
            "asterisk": self.asterisk(),
            "database": DatabaseHealth(available=self._database.available),
        }

    def notices(self) -> dict[str, BaseModel]:
        """For everybody whose work is touched by it."""
        found: dict[str, BaseModel] = {}
        if not self._database.available:
            found[DATABASE_AWAY] = NoticeView(id=DATABASE_AWAY, code=DATABASE_AWAY, params={})
        for node in self._nodes:
            if not node.connected:
                key = f"{ASTERISK_AWAY}.{node.name}"
                found[key] = NoticeView(id=key, code=ASTERISK_AWAY, params={"node": node.name})
        return found

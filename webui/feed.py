"""Pages that may see the same share one numbered state.

Rule: two pages have the same Viewer exactly when they show the same; only the rights that change what
is shown are part of it.
"""

from dataclasses import dataclass

from crm_core.rights import Principal, Right, Scope
from webui.page import Page, PageKind
from webui.state import Store

COLLECTIONS: dict[PageKind, tuple[str, ...]] = {
    "sidebar": ("me", "pops", "callbacks", "alarms", "questions", "notices"),
    "board": ("queues", "agents", "waiting", "system", "notices"),
}
NEEDS: dict[PageKind, tuple[Right, ...]] = {
    "sidebar": (Right.AGENT_WORK, Right.TODO_WORK),
    "board": (Right.BOARD_VIEW,),
}
"""One of these opens the page; without agent.work the sidebar has to-dos and questions, but no calls."""
_MATTERS = {
    "sidebar": frozenset(
        {
            Right.AGENT_WORK,
            Right.NUMBER_UNMASK,
            Right.CUSTOMER_VIEW,
            Right.ORDER_VIEW,
            Right.CALLBACK_WORK,
            Right.TODO_WORK,
            Right.TODO_SUPERVISE,
            Right.COMPLAINT_WORK,
            Right.KNOWLEDGE_EDIT,
        }
    ),
    "board": frozenset({Right.NUMBER_UNMASK}),
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at which page; a board is the same for everybody with the same rights."""

    kind: PageKind
    rights: frozenset[Right]
    hidden: frozenset[str] = frozenset()
    agent_id: int = 0
    name: str = ""
    extension: str | None = None
    scope: Scope = Scope.ALL

    @classmethod
    def of(cls, kind: PageKind, principal: Principal) -> "Viewer":
        rights = principal.rights & _MATTERS[kind]
        if kind == "board":
            return cls(kind, rights, principal.hidden)
        return cls(
            kind,
            rights,
            principal.hidden,
            principal.user_id,
            principal.name,
            principal.extension,
            principal.scope,
        )


class Feed:
    """One state and the pages that show it."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self.store = Store(COLLECTIONS[viewer.kind], viewer.hidden)
        self.pages: set[Page] = set()

    def tell(self, message: bytes | None) -> None:
        """Queue the message for every page; never waits."""
        if message is not None:
            for page in self.pages:
                page.put(message)

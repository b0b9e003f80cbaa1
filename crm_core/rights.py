"""What people may do: rights, the roles that hold them at first, and who asks.

Rule: code asks for a right, never for a role; which role holds which right is data
(`role_rights`), seeded from here once and editable afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from crm_core.errors import Forbidden


class Right(StrEnum):
    AGENT_WORK = "agent.work"
    BOARD_VIEW = "board.view"
    CALL_VIEW = "call.view"
    CALLBACK_WORK = "callback.work"
    CAMPAIGN_MANAGE = "campaign.manage"
    CUSTOMER_VIEW = "customer.view"
    CUSTOMER_EDIT = "customer.edit"
    CUSTOMER_TERMS = "customer.terms"
    NUMBER_UNMASK = "number.unmask"
    ORDER_PLACE = "order.place"
    ORDER_REVIEW = "order.review"
    ORDER_VIEW = "order.view"
    RECORDING_LISTEN = "recording.listen"
    USER_MANAGE = "user.manage"


@dataclass(frozen=True, slots=True)
class RoleSeed:
    name_zh: str
    name_en: str
    rights: frozenset[Right]


_AGENT = frozenset(
    {
        Right.AGENT_WORK,
        Right.CALLBACK_WORK,
        Right.CUSTOMER_EDIT,
        Right.CUSTOMER_VIEW,
        Right.ORDER_PLACE,
        Right.ORDER_VIEW,
    }
)
_OPERATIONS = frozenset(
    {
        Right.BOARD_VIEW,
        Right.CALL_VIEW,
        Right.CUSTOMER_VIEW,
        Right.ORDER_REVIEW,
        Right.ORDER_VIEW,
    }
)
_SUPERVISOR = (_AGENT | _OPERATIONS) | {
    Right.CAMPAIGN_MANAGE,
    Right.CUSTOMER_TERMS,
    Right.NUMBER_UNMASK,
    Right.RECORDING_LISTEN,
}

ADMIN = "admin"
ROLES: Mapping[str, RoleSeed] = {
    "agent": RoleSeed("坐席", "Agent", _AGENT),
    "supervisor": RoleSeed("班长", "Supervisor", _SUPERVISOR),
    "operations": RoleSeed("运营", "Operations", _OPERATIONS),
    ADMIN: RoleSeed("管理员", "Administrator", frozenset(Right)),
}


class Actor(Protocol):
    """Who asks for a change: a person who is logged in, or Zongji itself."""

    @property
    def user_id(self) -> int | None: ...

    def require(self, right: Right) -> None:
        """Raises Forbidden."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A person who is logged in, with the rights of this moment."""

    user_id: int
    login: str
    name: str
    role: str
    rights: frozenset[Right]
    locale: str
    extension: str | None
    session_id: int

    def may(self, right: Right) -> bool:
        return right in self.rights

    def require(self, right: Right) -> None:
        """Raises Forbidden."""
        if right not in self.rights:
            raise Forbidden(
                f"Your role does not include “{right}”: ask an administrator for it.",
                fields={"right": str(right)},
            )


@dataclass(frozen=True, slots=True)
class System:
    """Zongji itself, for what no person asked for: seeds, imports, the command line."""

    user_id: None = None

    def require(self, right: Right) -> None:
        """Everything is allowed."""


SYSTEM = System()

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
    AUDIT_VIEW = "audit.view"
    BENEFIT_ISSUE = "benefit.issue"
    BENEFIT_MANAGE = "benefit.manage"
    BOARD_VIEW = "board.view"
    CALL_VIEW = "call.view"
    CALLBACK_WORK = "callback.work"
    CAMPAIGN_MANAGE = "campaign.manage"
    CHANNEL_MANAGE = "channel.manage"
    COMPLAINT_MANAGE = "complaint.manage"
    COMPLAINT_WORK = "complaint.work"
    CUSTOMER_EDIT = "customer.edit"
    CUSTOMER_EXPORT = "customer.export"
    CUSTOMER_IMPORT = "customer.import"
    CUSTOMER_MERGE = "customer.merge"
    CUSTOMER_TERMS = "customer.terms"
    CUSTOMER_VIEW = "customer.view"
    INSIGHT_VIEW = "insight.view"
    KNOWLEDGE_EDIT = "knowledge.edit"
    KNOWLEDGE_VIEW = "knowledge.view"
    LEAD_MANAGE = "lead.manage"
    LEAD_WORK = "lead.work"
    NOTICE_SEND = "notice.send"
    NUMBER_UNMASK = "number.unmask"
    ORDER_PLACE = "order.place"
    ORDER_REVIEW = "order.review"
    ORDER_VIEW = "order.view"
    ORGANISATION_MANAGE = "organisation.manage"
    PHONE_DIAL = "phone.dial"
    PHONE_DIAL_ABROAD = "phone.dial_abroad"
    PHONE_DIAL_LONG_DISTANCE = "phone.dial_long_distance"
    PRIVACY_MANAGE = "privacy.manage"
    RECORDING_LISTEN = "recording.listen"
    ROLE_MANAGE = "role.manage"
    RULES_MANAGE = "rules.manage"
    TODO_SUPERVISE = "todo.supervise"
    TODO_WORK = "todo.work"
    TOKEN_MANAGE = "token.manage"  # noqa: S105
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
        Right.COMPLAINT_WORK,
        Right.CUSTOMER_EDIT,
        Right.CUSTOMER_VIEW,
        Right.KNOWLEDGE_VIEW,
        Right.LEAD_WORK,
        Right.ORDER_PLACE,
        Right.ORDER_VIEW,
        Right.PHONE_DIAL,
        Right.PHONE_DIAL_LONG_DISTANCE,
        Right.TODO_WORK,
    }
)
_OPERATIONS = frozenset(
    {
        Right.BENEFIT_MANAGE,
        Right.BOARD_VIEW,
        Right.CALL_VIEW,
        Right.CHANNEL_MANAGE,
        Right.CUSTOMER_IMPORT,
        Right.CUSTOMER_VIEW,
        Right.INSIGHT_VIEW,
        Right.KNOWLEDGE_EDIT,
        Right.KNOWLEDGE_VIEW,
        Right.NOTICE_SEND,
        Right.ORDER_REVIEW,
        Right.ORDER_VIEW,
        Right.RULES_MANAGE,
        Right.TODO_WORK,
    }
)
_SUPERVISOR = (_AGENT | _OPERATIONS) | {
    Right.BENEFIT_ISSUE,
    Right.CAMPAIGN_MANAGE,
    Right.COMPLAINT_MANAGE,
    Right.CUSTOMER_EXPORT,
    Right.CUSTOMER_MERGE,
    Right.CUSTOMER_TERMS,
    Right.LEAD_MANAGE,
    Right.NUMBER_UNMASK,
    Right.PHONE_DIAL_ABROAD,
    Right.RECORDING_LISTEN,
    Right.TODO_SUPERVISE,
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

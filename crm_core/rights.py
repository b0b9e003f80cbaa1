"""What people may do: rights, the roles that hold them at first, and who asks.

Rule: code asks for a right, never for a role; which role holds which right, sees which customers and
which fields is data (`role_rights`, `roles.scope`, `role_fields`), seeded from here once and editable
afterwards.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel

from crm_core import field_rights
from crm_core.errors import Forbidden


class Right(StrEnum):
    AGENT_SUPERVISE = "agent.supervise"
    AGENT_WORK = "agent.work"
    AUDIT_MANAGE = "audit.manage"
    AUDIT_VIEW = "audit.view"
    BENEFIT_ISSUE = "benefit.issue"
    BENEFIT_MANAGE = "benefit.manage"
    BLACKLIST_MANAGE = "blacklist.manage"
    BOARD_VIEW = "board.view"
    CALL_VIEW = "call.view"
    CALLBACK_WORK = "callback.work"
    CAMPAIGN_MANAGE = "campaign.manage"
    CATALOGUE_MANAGE = "catalogue.manage"
    CHANNEL_MANAGE = "channel.manage"
    COMPLAINT_MANAGE = "complaint.manage"
    COMPLAINT_WORK = "complaint.work"
    CONNECTION_MANAGE = "connection.manage"
    CUSTOMER_EDIT = "customer.edit"
    CUSTOMER_EXPORT = "customer.export"
    CUSTOMER_IMPORT = "customer.import"
    CUSTOMER_MERGE = "customer.merge"
    CUSTOMER_TERMS = "customer.terms"
    CUSTOMER_VIEW = "customer.view"
    DELIVERY_MANAGE = "delivery.manage"
    DELIVERY_REPORT = "delivery.report"
    DELIVERY_VIEW = "delivery.view"
    EXCEPTION_DECIDE = "exception.decide"
    EXCEPTION_DECIDE_2 = "exception.decide_2"
    EXCEPTION_DECIDE_3 = "exception.decide_3"
    EXCEPTION_RAISE = "exception.raise"
    FAX_VIEW = "fax.view"
    INSIGHT_VIEW = "insight.view"
    KNOWLEDGE_EDIT = "knowledge.edit"
    KNOWLEDGE_VIEW = "knowledge.view"
    LEAD_MANAGE = "lead.manage"
    LEAD_WORK = "lead.work"
    LINE_MANAGE = "line.manage"
    MESSAGE_MANAGE = "message.manage"
    NOTICE_SEND = "notice.send"
    NUMBER_UNMASK = "number.unmask"
    ORDER_PLACE = "order.place"
    ORDER_REVIEW = "order.review"
    ORDER_VIEW = "order.view"
    ORGANISATION_MANAGE = "organisation.manage"
    PAYMENT_MANAGE = "payment.manage"
    PAYMENT_VIEW = "payment.view"
    PERIOD_CLOSE = "period.close"
    PERIOD_REOPEN = "period.reopen"
    PHONE_DIAL = "phone.dial"
    PHONE_DIAL_ABROAD = "phone.dial_abroad"
    PHONE_DIAL_LONG_DISTANCE = "phone.dial_long_distance"
    PRICE_MANAGE = "price.manage"
    PRIVACY_MANAGE = "privacy.manage"
    QUOTA_MANAGE = "quota.manage"
    RECORDING_DOWNLOAD = "recording.download"
    RECORDING_HOLD = "recording.hold"
    RECORDING_LISTEN = "recording.listen"
    RECORDING_PAUSE = "recording.pause"
    RETURN_MANAGE = "return.manage"
    RETURN_OVERRIDE = "return.override"
    RETURN_REQUEST = "return.request"
    ROLE_MANAGE = "role.manage"
    RULES_MANAGE = "rules.manage"
    SETTLEMENT_MANAGE = "settlement.manage"
    SETTLEMENT_VIEW = "settlement.view"
    SKILL_MANAGE = "skill.manage"
    STOCK_MANAGE = "stock.manage"
    STOCK_VIEW = "stock.view"
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
        Right.DELIVERY_VIEW,
        Right.EXCEPTION_DECIDE,
        Right.EXCEPTION_RAISE,
        Right.FAX_VIEW,
        Right.KNOWLEDGE_VIEW,
        Right.LEAD_WORK,
        Right.ORDER_PLACE,
        Right.ORDER_VIEW,
        Right.PAYMENT_VIEW,
        Right.PHONE_DIAL,
        Right.PHONE_DIAL_LONG_DISTANCE,
        Right.RETURN_REQUEST,
        Right.TODO_WORK,
    }
)
_OPERATIONS = frozenset(
    {
        Right.BENEFIT_MANAGE,
        Right.BOARD_VIEW,
        Right.CALL_VIEW,
        Right.CATALOGUE_MANAGE,
        Right.CHANNEL_MANAGE,
        Right.CUSTOMER_IMPORT,
        Right.CUSTOMER_VIEW,
        Right.DELIVERY_MANAGE,
        Right.DELIVERY_REPORT,
        Right.DELIVERY_VIEW,
        Right.FAX_VIEW,
        Right.INSIGHT_VIEW,
        Right.KNOWLEDGE_EDIT,
        Right.KNOWLEDGE_VIEW,
        Right.LINE_MANAGE,
        Right.MESSAGE_MANAGE,
        Right.NOTICE_SEND,
        Right.ORDER_REVIEW,
        Right.ORDER_VIEW,
        Right.PAYMENT_MANAGE,
        Right.PAYMENT_VIEW,
        Right.PRICE_MANAGE,
        Right.QUOTA_MANAGE,
        Right.RETURN_MANAGE,
        Right.RETURN_REQUEST,
        Right.RULES_MANAGE,
        Right.SETTLEMENT_MANAGE,
        Right.SETTLEMENT_VIEW,
        Right.STOCK_MANAGE,
        Right.STOCK_VIEW,
        Right.TODO_WORK,
    }
)
_SUPERVISOR = (_AGENT | _OPERATIONS) | {
    Right.AGENT_SUPERVISE,
    Right.BENEFIT_ISSUE,
    Right.BLACKLIST_MANAGE,
    Right.CAMPAIGN_MANAGE,
    Right.COMPLAINT_MANAGE,
    Right.CUSTOMER_EXPORT,
    Right.CUSTOMER_MERGE,
    Right.CUSTOMER_TERMS,
    Right.EXCEPTION_DECIDE_2,
    Right.LEAD_MANAGE,
    Right.NUMBER_UNMASK,
    Right.PERIOD_CLOSE,
    Right.PHONE_DIAL_ABROAD,
    Right.RECORDING_LISTEN,
    Right.RECORDING_PAUSE,
    Right.RETURN_OVERRIDE,
    Right.SKILL_MANAGE,
    Right.TODO_SUPERVISE,
}

ADMIN = "admin"
ROLES: Mapping[str, RoleSeed] = {
    "agent": RoleSeed("坐席", "Agent", _AGENT),
    "supervisor": RoleSeed("班长", "Supervisor", _SUPERVISOR),
    "operations": RoleSeed("运营", "Operations", _OPERATIONS),
    ADMIN: RoleSeed("管理员", "Administrator", frozenset(Right)),
}


class Access(StrEnum):
    """What a role may do with a field; without an entry it may write."""

    HIDDEN = "hidden"
    READ = "read"
    WRITE = "write"

    @property
    def extent(self) -> int:
        """The more, the more may be done."""
        return (Access.HIDDEN, Access.READ, Access.WRITE).index(self)


class Scope(StrEnum):
    """Whose customers a role sees: everybody's, those of the own unit and units below, the own."""

    ALL = "all"
    UNIT = "unit"
    OWN = "own"

    @property
    def width(self) -> int:
        """The more, the more customers are seen."""
        return (Scope.OWN, Scope.UNIT, Scope.ALL).index(self)


def access_to(fields: Mapping[str, Access], name: str) -> Access:
    """What limits such as a role's leave of a field; what holds for `custom` holds for each in it."""
    limits = (fields.get(each, Access.WRITE) for each in field_rights.parts(name))
    return min(limits, key=lambda access: access.extent)


def may_write(actor: "Actor", entity: str, field_code: str) -> bool:
    return access_to(actor.fields, f"{entity}.{field_code}") is Access.WRITE


def kept(
    actor: "Actor", entity: str, given: BaseModel, stands: Mapping[str, object]
) -> dict[str, object]:
    """Of a record that is written anew as a whole, what stays of its fields as they stand: those that are not given
    and not this actor's to write, and those that are not his to see and come empty. Raises Forbidden for any
    other that he may not write and that would become something else.
    """
    stays, refused = {}, []
    for name, value in stands.items():
        wanted = getattr(given, name)
        writes = may_write(actor, entity, name)
        if wanted == value:
            continue
        comes_empty = wanted is None and not actor.may_read(entity, name)
        not_given = name not in given.model_fields_set and not writes
        if comes_empty or not_given:
            stays[name] = value
        elif not writes:
            refused.append(name)
    actor.require_write(entity, refused)
    return stays


class Hold(StrEnum):
    """What somebody must do before anything else; until then no right of the role counts."""

    PASSWORD = "password_change_required"  # noqa: S105
    SECOND_FACTOR = "second_factor_enrolment_required"


class Actor(Protocol):
    """Who asks for a change: a person who is logged in, or Zongji itself."""

    @property
    def user_id(self) -> int | None: ...

    @property
    def scope(self) -> Scope: ...

    @property
    def at_hand(self) -> frozenset[int]:
        """Customers who may be seen beyond the scope, because their call stands on the screen."""
        ...

    @property
    def fields(self) -> Mapping[str, Access]:
        """The fields, such as `customer.credit_limit`, that may not be written or not be seen."""

    @property
    def hidden(self) -> frozenset[str]:
        """Those of them that may not be seen."""

    def require(self, right: Right) -> None:
        """Raises Forbidden."""

    def may(self, right: Right) -> bool: ...

    def may_read(self, entity: str, field_code: str) -> bool: ...

    def require_read(self, entity: str, field_codes: Iterable[str]) -> None:
        """Raises Forbidden naming the fields that may not be seen."""

    def require_write(self, entity: str, field_codes: Iterable[str]) -> None:
        """Raises Forbidden naming the fields that may only be read, or not be seen."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A person who is logged in, with the rights of this moment.

    With `token`, the name of a service token, it is a program that acts for this person.
    """

    user_id: int
    login: str
    name: str
    role: str
    rights: frozenset[Right]
    locale: str
    extension: str | None
    session_id: int
    scope: Scope = Scope.ALL
    fields: Mapping[str, Access] = field(default_factory=dict)
    hold: Hold | None = None
    second_factor: bool = False
    token: str | None = None
    at_hand: frozenset[int] = frozenset()

    def may(self, right: Right) -> bool:
        return right in self.rights

    def require(self, right: Right) -> None:
        """Raises Forbidden."""
        if right not in self.rights:
            raise Forbidden(
                f"Your role does not include “{right}”: ask an administrator for it.",
                fields={"right": str(right)},
            )

    @property
    def hidden(self) -> frozenset[str]:
        """The fields this person does not see, such as `customer.credit_limit`."""
        return frozenset(name for name, each in self.fields.items() if each is Access.HIDDEN)

    def may_read(self, entity: str, field_code: str) -> bool:
        """Also False for a field that gives a hidden one away."""
        return not field_rights.is_hidden(f"{entity}.{field_code}", self.hidden)

    def require_read(self, entity: str, field_codes: Iterable[str]) -> None:
        """Raises Forbidden naming the fields that may not be seen."""
        unseen = [code for code in field_codes if not self.may_read(entity, code)]
        if unseen:
            raise Forbidden(
                f"Your role does not see {', '.join(unseen)}, which would stand here: ask an administrator.",
                fields=dict.fromkeys(unseen, "forbidden"),
            )

    def require_write(self, entity: str, field_codes: Iterable[str]) -> None:
        """Raises Forbidden naming the fields that may only be read, or not be seen."""
        refused = [
            code
            for code in field_codes
            if access_to(self.fields, f"{entity}.{code}") is not Access.WRITE
        ]
        if refused:
            raise Forbidden(
                f"Your role may not change {', '.join(refused)}: ask an administrator.",
                fields=dict.fromkeys(refused, "forbidden"),
            )


@dataclass(frozen=True, slots=True)
class System:
    """Zongji itself, for what no person asked for: seeds, imports, the command line.

    With `user_id` it carries out what follows of something that this person was allowed to do.
    """

    user_id: int | None = None
    scope: Scope = Scope.ALL
    at_hand: frozenset[int] = frozenset()
    fields: Mapping[str, Access] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()

    def require(self, right: Right) -> None:
        """Everything is allowed."""

    def may(self, right: Right) -> bool:
        del right
        return True

    def may_read(self, entity: str, field_code: str) -> bool:
        del entity, field_code
        return True

    def require_read(self, entity: str, field_codes: Iterable[str]) -> None:
        """Everything is seen."""

    def require_write(self, entity: str, field_codes: Iterable[str]) -> None:
        """Everything is allowed."""


SYSTEM = System()


@dataclass(frozen=True, slots=True)
class Caller(System):
    """Somebody who serves themselves by telephone; whose customer it is, whoever asks in their name must see to."""

    rights: frozenset[Right] = frozenset()

    def require(self, right: Right) -> None:
        """Raises Forbidden."""
        if right not in self.rights:
            raise Forbidden("This is not done by telephone.", fields={"right": str(right)})

    def may(self, right: Right) -> bool:
        return right in self.rights

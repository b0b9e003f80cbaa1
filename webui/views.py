"""What pages are shown, field by field, as it goes over the wire.

Rule: a view never holds more than its reader may see; numbers are masked where a view is made.
Money is decimal text, times are ISO 8601 in UTC.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from acd.events import AgentState, PauseReason, RecordingState

PopState = Literal["offered", "ringing", "talking", "ended"]


class View(BaseModel):
    """Frozen, and made from dataclasses of the same shape.

    `ENTITY` names the record whose fields roles may be kept from; `SAME_FIELD` the fields that are
    shown under a second name, or all those of which one here tells.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    ENTITY: ClassVar[str | None] = None
    SAME_FIELD: ClassVar[Mapping[str, str | tuple[str, ...]]] = {}

    def own_fields(self) -> frozenset[str]:
        """The fields that this entry of a list is by itself, or gives away."""
        return frozenset()


class ReasonView(View):
    code: str
    params: dict[str, str]

    def own_fields(self) -> frozenset[str]:
        by_condition = _TOLD_BY_CONDITION.get(self.params.get("condition", ""), frozenset())
        return _TOLD_BY_REASON.get(self.code, frozenset()) | by_condition


_PLACE = frozenset({"customer.addresses", "customer.province", "customer.city"})
_TOLD_BY_REASON: Mapping[str, frozenset[str]] = {
    "area_excluded": _PLACE,
    "area_not_served": _PLACE,
    "deputy": frozenset({"customer.salesperson"}),
    "grade": frozenset({"customer.insight"}),
    "no_salesperson": frozenset({"customer.salesperson"}),
    "over_credit": frozenset({"customer.credit_available"}),
    "own_salesperson": frozenset({"customer.salesperson"}),
    "policy_discount": frozenset({"customer.price_policy"}),
    "review_discount_over": frozenset({"order.discount"}),
    "review_note_words": frozenset({"order.note"}),
    "review_over_credit": frozenset({"customer.credit_available"}),
    "salesperson": frozenset({"customer.salesperson"}),
    "vip_level": frozenset({"customer.level"}),
}
"""The fields that a reason tells of."""
_TOLD_BY_CONDITION: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("region", "province", "city", "area_code"), _PLACE),
    **dict.fromkeys(("level", "vip"), frozenset({"customer.level"})),
    "grade": frozenset({"customer.insight"}),
    "salesperson": frozenset({"customer.salesperson"}),
}
"""The fields that a condition of a route tells of when it did not hold."""


class PlaceView(View):
    area_code: str | None
    province: str | None
    city: str | None


class LevelView(View):
    code: str
    name_zh: str
    name_en: str
    is_vip: bool


class PricePolicyView(View):
    code: str
    name_zh: str
    name_en: str
    discount: Decimal


class SalespersonView(View):
    id: int
    name: str


class PaymentTermsView(View):
    code: str
    name_zh: str
    name_en: str
    days: int
    prepaid: bool


class PhoneView(View):
    """`number` is masked for those who may not see it; `id` dials it all the same."""

    id: int
    number: str
    is_main: bool
    label: str | None
    contact_id: int | None


class AddressView(View):
    """`phone` is masked for those who may not see it; a call-back by the address's `id` dials it all the same."""

    ENTITY = "customer"
    SAME_FIELD: ClassVar = {"phone": "phones"}

    id: int
    is_main: bool
    label: str | None
    recipient: str | None
    phone: str | None = None
    province: str | None
    city: str | None
    district: str | None
    detail: str
    postcode: str | None


class ContactView(View):
    id: int
    name: str
    position: str | None
    email: str | None
    birthday: date | None
    note: str | None


class TerritoryView(View):
    province: str
    city: str | None


class CustomValueView(View):
    """The value of a field that the business added."""

    code: str
    label_zh: str
    label_en: str
    type: str
    value: bool | date | Decimal | str | tuple[str, ...]

    def own_fields(self) -> frozenset[str]:
        return frozenset({f"customer.custom.{self.code}"})


class AboveView(View):
    """Somebody higher in the channel, the topmost first."""

    id: int
    name: str
    level_code: str


class PastLineView(View):
    sku: str
    name_zh: str
    name_en: str
    quantity: int


class PastOrderView(View):
    id: int
    number: str
    status: str
    total: Decimal
    placed_at: datetime
    lines: tuple[PastLineView, ...]


class TodoBriefView(View):
    """Something that is still to be done for a customer."""

    id: int
    title: str
    kind: str
    priority: str
    due_at: datetime
    overdue: bool
    assignee_name: str


class InsightNameView(View):
    code: str
    name_zh: str
    name_en: str


class WarningBriefView(View):
    """Something to be careful about with this customer, and what to do; `severity` is info, warning or critical."""

    code: str
    name_zh: str
    name_en: str
    advice_zh: str
    advice_en: str
    severity: str
    shows: tuple[str, ...]

    def own_fields(self) -> frozenset[str]:
        return frozenset(f"customer.{field}" for field in self.shows)


class InsightBriefView(View):
    """What the customer brings, and what to mind; `revenue_12m` is of the last twelve months."""

    grade: InsightNameView | None
    segment: InsightNameView | None
    strategy_zh: str
    strategy_en: str
    revenue_12m: Decimal
    orders_12m: int
    last_contact_at: datetime | None
    warnings: tuple[WarningBriefView, ...]


class NoticeBriefView(View):
    """What the customer is still to be told."""

    id: int
    title: str
    body: str
    sent_at: datetime


class ComplaintBriefView(View):
    """A complaint that is not handled yet, or was lately."""

    id: int
    category_zh: str
    category_en: str
    severity: int
    state: str
    due_at: datetime
    overdue: bool
    handler_name: str | None
    handled_at: datetime | None = None


class CustomerView(View):
    """A customer's card; all but id and name is None or empty until the card has been read."""

    ENTITY = "customer"
    SAME_FIELD: ClassVar = {
        "address": "addresses",
        "above": "parent",
        "overdue_entered": "credit_overdue",
    }

    id: int
    name: str
    code: str | None = None
    level: LevelView | None = None
    price_policy: PricePolicyView | None = None
    payment_terms: PaymentTermsView | None = None
    credit_limit: Decimal | None = None
    credit_used: Decimal | None = None
    credit_available: Decimal | None = None
    credit_overdue: Decimal | None = None
    overdue_entered: Decimal | None = None
    salesperson: SalespersonView | None = None
    email: str | None = None
    fax: str | None = None
    wecom: str | None = None
    wecom_group: str | None = None
    told_by: tuple[str, ...] | None = None
    language: str | None = None
    opt_outs: tuple[str, ...] = ()
    birthday: date | None = None
    anniversary: date | None = None
    area_code: str | None = None
    province: str | None = None
    city: str | None = None
    address: str | None = None
    note: str | None = None
    above: tuple[AboveView, ...] = ()
    phones: tuple[PhoneView, ...] = ()
    addresses: tuple[AddressView, ...] = ()
    contacts: tuple[ContactView, ...] = ()
    territories: tuple[TerritoryView, ...] = ()
    custom: tuple[CustomValueView, ...] = ()
    insight: InsightBriefView | None = None
    notices: tuple[NoticeBriefView, ...] = ()
    todos: tuple[TodoBriefView, ...] = ()
    complaints: tuple[ComplaintBriefView, ...] = ()
    last_orders: tuple[PastOrderView, ...] = ()
    version: int | None = None


class QueueNameView(View):
    """A queue as people call it."""

    name: str
    label_zh: str
    label_en: str


class BlacklistedView(View):
    """The caller is on the blacklist and was let through: why, and until when."""

    reason: str
    until: datetime | None


class PopView(View):
    """What rises on the agent's screen when a call comes; `survey`: the caller may be asked for an opinion afterwards."""

    call_id: str
    direction: str
    state: PopState
    caller: str | None
    caller_display: str | None
    place: PlaceView | None
    did: str | None
    medium: str | None
    queue: QueueNameView | None
    why: tuple[ReasonView, ...]
    menu_path: tuple[str, ...]
    recording: RecordingState | None
    pause_reason: PauseReason | None
    offered_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    customer: CustomerView | None
    survey: bool = False
    blacklisted: BlacklistedView | None = None


class BreakReasonView(View):
    code: str
    label_zh: str
    label_en: str


class AgentStateView(View):
    """The agent's own state, and the buttons that may be pressed now."""

    agent_id: int
    name: str
    extension: str | None
    state: AgentState
    reason: str | None
    since: datetime
    wrap_up_until: datetime | None
    pending: str | None
    allowed: tuple[str, ...]
    break_reasons: tuple[BreakReasonView, ...]


class AlarmView(View):
    """A to-do that is due and not done. `escalated` ones of others are shown to supervisors."""

    todo_id: int
    title: str
    customer_name: str | None
    assignee_name: str
    own: bool
    due_at: datetime
    escalated: bool
    version: int


class LiveQuestionView(View):
    """A question to those who keep the knowledge base; `own` ones also with their answer."""

    id: int
    text: str
    asked_by_name: str
    asked_at: datetime
    answer: str | None
    answered_at: datetime | None
    own: bool


class CallbackItem(View):
    """A call-back; `number` is masked for those who may not see it."""

    id: int
    number: str
    number_display: str
    customer_id: int | None
    customer_name: str | None
    queue: str
    agent_id: int | None
    source: str
    note: str | None
    requested_at: datetime
    due_at: datetime
    status: str
    attempts: int
    last_result: str | None


class NoticeView(View):
    id: str
    code: str
    params: dict[str, str]


class BoardQueue(View):
    name: str
    label_zh: str
    label_en: str
    waiting: int
    held: int
    longest_since: datetime | None
    ready: int
    busy: int
    calls_today: int
    answered_today: int
    abandoned_today: int
    within_target_today: int
    service_level: float | None
    target_s: float


class BoardAgent(View):
    """`break_reason`: the words for `reason`, where the line has some."""

    agent_id: int
    name: str
    extension: str
    state: AgentState
    reason: str | None
    since: datetime
    queues: tuple[str, ...]
    break_reason: BreakReasonView | None = None


class BoardWaiting(View):
    ENTITY = "customer"

    call_id: str
    queue: str
    caller_display: str | None
    customer_name: str | None
    level: LevelView | None = None
    priority: int
    since: datetime
    position: int
    why: tuple[ReasonView, ...]


class AsteriskHealth(View):
    connected: bool
    nodes: dict[str, bool]


class DatabaseHealth(View):
    available: bool


class PromptHealth(View):
    """Whether callers hear all that the line says."""

    played: bool


class RecordingHealth(View):
    """Whether calls are recorded, and whether there is room for long."""

    recorded: bool
    room: bool

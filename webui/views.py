"""What pages are shown, field by field, as it goes over the wire.

Rule: a view never holds more than its reader may see; numbers are masked where a view is made.
Money is decimal text, times are ISO 8601 in UTC.
"""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

from acd.events import AgentState

PopState = Literal["offered", "ringing", "talking", "ended"]


class View(BaseModel):
    """Frozen, and made from dataclasses of the same shape."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class ReasonView(View):
    code: str
    params: dict[str, str]


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


class PhoneView(View):
    number: str
    is_main: bool


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


class CustomerView(View):
    """A customer's card; all but id and name is None or empty until the card has been read."""

    id: int
    name: str
    level: LevelView | None = None
    price_policy: PricePolicyView | None = None
    credit_limit: Decimal | None = None
    credit_used: Decimal | None = None
    credit_available: Decimal | None = None
    salesperson: SalespersonView | None = None
    email: str | None = None
    address: str | None = None
    note: str | None = None
    phones: tuple[PhoneView, ...] = ()
    last_orders: tuple[PastOrderView, ...] = ()


class QueueNameView(View):
    """A queue as people call it."""

    name: str
    label_zh: str
    label_en: str


class PopView(View):
    """What rises on the agent's screen when a call comes."""

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
    offered_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    customer: CustomerView | None


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
    break_reasons: tuple[str, ...]


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
    agent_id: int
    name: str
    extension: str
    state: AgentState
    reason: str | None
    since: datetime
    queues: tuple[str, ...]


class BoardWaiting(View):
    call_id: str
    queue: str
    caller_display: str | None
    customer_name: str | None
    level: LevelView | None
    priority: int
    since: datetime
    position: int
    why: tuple[ReasonView, ...]


class AsteriskHealth(View):
    connected: bool
    nodes: dict[str, bool]


class DatabaseHealth(View):
    available: bool

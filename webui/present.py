"""From what the house knows to what one reader may see.

Rule: pure. Whoever lacks `number.unmask` gets no number that could be dialled or written down; from whom
customers' telephones are hidden gets none of a customer at all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from acd.events import QueueChanged
from acd.lineplan import BreakPlan
from acd.views import AgentView, WaitingView
from crm_core.blacklist.policy import Listed
from crm_core.complaints.views import ComplaintBrief
from crm_core.customers.card_views import CustomerCard
from crm_core.field_rights import is_hidden
from crm_core.insight.views import InsightBrief
from crm_core.knowledge.question_views import QuestionView
from crm_core.notices.views import NoticeBrief
from crm_core.numbers import mask, shown
from crm_core.rights import Right, Scope
from crm_core.todos.views import RaisedAlarm, TodoBrief
from dialer.events import CallbackView
from orders.sales.views import OrderSummary
from webui.pops import CallFacts, Pop
from webui.views import (
    AddressView,
    AgentStateView,
    AlarmView,
    BlacklistedView,
    BoardAgent,
    BoardQueue,
    BoardWaiting,
    BreakReasonView,
    CallbackItem,
    ComplaintBriefView,
    CustomerView,
    InsightBriefView,
    LevelView,
    LiveQuestionView,
    NoticeBriefView,
    PastOrderView,
    PhoneView,
    PlaceView,
    PopView,
    QueueNameView,
    ReasonView,
    TodoBriefView,
)

Rights = frozenset[Right]


_WHO_CALLS = "customer_code"


class Reader(Protocol):
    """Who looks: a page's viewer, or whoever asks."""

    @property
    def rights(self) -> Rights: ...
    @property
    def hidden(self) -> frozenset[str]: ...


class _Reason(Protocol):
    @property
    def code(self) -> str: ...
    @property
    def params(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Card:
    """A customer with the latest orders and what is still to be done, as read for one call."""

    customer: CustomerCard
    orders: tuple[OrderSummary, ...] = ()
    todos: tuple[TodoBrief, ...] = ()
    complaints: tuple[ComplaintBrief, ...] = ()
    notices: tuple[NoticeBrief, ...] = ()
    insight: InsightBrief | None = None


def reasons(why: Iterable[_Reason]) -> tuple[ReasonView, ...]:
    return tuple(ReasonView(code=each.code, params=dict(each.params)) for each in why)


def may_see_numbers(rights: Rights) -> bool:
    return Right.NUMBER_UNMASK in rights


def customer_view(card: Card, rights: Rights) -> CustomerView:
    """The whole card; who may not look at customers sees the name alone, as on the telephone."""
    customer, unmasked = card.customer, may_see_numbers(rights)
    if Right.CUSTOMER_VIEW not in rights:
        return CustomerView(id=customer.id, name=customer.name)
    orders = card.orders if Right.ORDER_VIEW in rights else ()
    todos = card.todos if Right.TODO_WORK in rights else ()
    complaints = card.complaints if Right.COMPLAINT_WORK in rights else ()
    whole = CustomerView.model_validate(customer)
    return whole.model_copy(
        update={
            "phones": tuple(_masked_phone(each, unmasked=unmasked) for each in whole.phones),
            "fax": whole.fax and shown(whole.fax, unmasked=unmasked),
            "wecom_group": whole.wecom_group and shown(whole.wecom_group, unmasked=unmasked),
            "addresses": tuple(_masked_address(each, rights) for each in whole.addresses),
            "todos": tuple(TodoBriefView.model_validate(each) for each in todos),
            "complaints": tuple(ComplaintBriefView.model_validate(each) for each in complaints),
            "notices": tuple(NoticeBriefView.model_validate(each) for each in card.notices),
            "insight": card.insight and InsightBriefView.model_validate(card.insight),
            "last_orders": tuple(PastOrderView.model_validate(order) for order in orders),
        }
    )


def _masked_phone(phone: PhoneView, *, unmasked: bool) -> PhoneView:
    return phone.model_copy(update={"number": shown(phone.number, unmasked=unmasked)})


def _masked_address(address: AddressView, rights: Rights) -> AddressView:
    return address.model_copy(update={"phone": masked_text(address.phone, rights)})


def pop_view(
    pop: Pop,
    card: Card | None,
    reader: Reader,
    queues: Mapping[str, QueueNameView],
    listed: Listed | None,
) -> PopView:
    """The pop with as much of the customer as is known by now."""
    call, shown_number = pop.call, caller_display(pop.call, reader)
    return PopView(
        call_id=call.call_id,
        direction=call.direction,
        state=pop.state,
        caller=shown_number if may_see_numbers(reader.rights) else None,
        caller_display=shown_number,
        place=_place(call),
        did=call.did,
        medium=call.medium,
        queue=queues.get(pop.queue or ""),
        why=reasons(pop.why),
        menu_path=call.menu_path,
        recording=call.recording,
        pause_reason=call.pause_reason,
        offered_at=pop.offered_at,
        answered_at=pop.answered_at,
        ended_at=pop.ended_at,
        customer=_customer(call, card, reader.rights),
        blacklisted=BlacklistedView.model_validate(listed) if listed else None,
    )


def alarm_view(alarm: RaisedAlarm, viewer_id: int) -> AlarmView:
    """Of others' to-dos the customer is not named: the viewer might not be one who may see them."""
    own = alarm.assignee_id == viewer_id
    return AlarmView(
        todo_id=alarm.todo_id,
        title=alarm.title,
        customer_name=alarm.customer_name if own else None,
        assignee_name=alarm.assignee_name,
        own=own,
        due_at=alarm.due_at,
        escalated=alarm.escalated,
        version=alarm.version,
    )


def question_view(question: QuestionView, viewer_id: int) -> LiveQuestionView:
    return LiveQuestionView(
        id=question.id,
        text=question.text,
        asked_by_name=question.asker_name,
        asked_at=question.asked_at,
        answer=question.answer,
        answered_at=question.answered_at,
        own=question.asker_id == viewer_id,
    )


def caller_display(call: CallFacts, reader: Reader) -> str | None:
    """The caller's number as this reader sees it; None for a hidden one."""
    return number_of(call.customer_id, call.caller, reader)


def number_of(customer_id: int | None, number: str | None, reader: Reader) -> str | None:
    """A number as this reader sees it: a customer's is a field of the customer, that of nobody known is not."""
    if customer_id is not None and is_hidden("customer.phones", reader.hidden):
        return None
    return masked_text(number, reader.rights)


def step_detail(
    detail: Mapping[str, Any], customer_id: int | None, caller: str | None, reader: Reader
) -> dict[str, Any]:
    """What a step of a call tells this reader: of the caller's number, and of what was pressed to say who calls (a
    code or a number), as much as of numbers.
    """
    pressed = detail.get("keys") if detail.get("asked") == _WHO_CALLS else None
    numbers = {caller, pressed} - {None}
    return {
        name: number_of(customer_id, value, reader)
        if isinstance(value, str) and value in numbers
        else value
        for name, value in detail.items()
    }


def own_state(
    agent: AgentView, breaks: Iterable[BreakPlan], extension: str | None
) -> AgentStateView:
    """The agent's state and buttons; who has no telephone cannot log in."""
    allowed = tuple(agent.allowed) if extension or agent.state != "offline" else ()
    return AgentStateView(
        agent_id=agent.agent_id,
        name=agent.name,
        extension=agent.extension or extension,
        state=agent.state,
        reason=agent.reason,
        since=agent.since,
        wrap_up_until=agent.wrap_up_until,
        pending=agent.pending,
        allowed=allowed,
        break_reasons=tuple(map(BreakReasonView.model_validate, breaks)),
    )


def logged_out(
    agent_id: int,
    name: str,
    extension: str | None,
    *,
    since: datetime,
    breaks: Iterable[BreakPlan],
) -> AgentStateView:
    """Somebody the ACD does not know yet."""
    return AgentStateView(
        agent_id=agent_id,
        name=name,
        extension=extension,
        state="offline",
        reason=None,
        since=since,
        wrap_up_until=None,
        pending=None,
        allowed=("log_in",) if extension else (),
        break_reasons=tuple(map(BreakReasonView.model_validate, breaks)),
    )


def callback_item(
    view: CallbackView, reader: Reader, *, agent_id: int, scope: Scope
) -> CallbackItem:
    """Anybody's call-back is anybody's work; who is called, one who does not see every customer learns
    when it is the own one or the call begins.
    """
    named = scope is Scope.ALL or view.agent_id == agent_id
    number = number_of(view.customer_id, view.number, reader) or ""
    number = number if named else mask(number)
    return CallbackItem(
        id=view.id,
        number=number,
        number_display=number,
        customer_id=view.customer_id if named else None,
        customer_name=view.customer_name if named else None,
        queue=view.queue,
        agent_id=view.agent_id,
        source=view.source,
        note=view.note if named else None,
        requested_at=view.requested_at,
        due_at=view.due_at,
        status=view.status,
        attempts=view.attempts,
        last_result=view.last_result,
    )


def board_queue(queue: QueueChanged) -> BoardQueue:
    """Service level: of the calls that were answered or abandoned, those answered in time."""
    settled = queue.answered_today + queue.abandoned_today
    return BoardQueue(
        name=queue.name,
        label_zh=queue.label_zh,
        label_en=queue.label_en,
        waiting=queue.waiting,
        held=queue.held,
        longest_since=queue.longest_since,
        ready=queue.ready,
        busy=queue.busy,
        calls_today=queue.calls_today,
        answered_today=queue.answered_today,
        abandoned_today=queue.abandoned_today,
        within_target_today=queue.within_target_today,
        service_level=queue.within_target_today / settled if settled else None,
        target_s=queue.target_s,
    )


def board_agent(agent: AgentView, breaks: Iterable[BreakPlan]) -> BoardAgent:
    known = {each.code: BreakReasonView.model_validate(each) for each in breaks}
    shown = BoardAgent.model_validate(agent)
    return shown.model_copy(update={"break_reason": known.get(agent.reason or "")})


def board_waiting(
    waiting: WaitingView, call: CallFacts | None, card: Card | None, reader: Reader
) -> BoardWaiting:
    return BoardWaiting(
        call_id=waiting.call_id,
        queue=waiting.queue,
        caller_display=caller_display(call, reader) if call else None,
        customer_name=call.customer_name if call else None,
        level=LevelView.model_validate(card.customer.level) if card else None,
        priority=waiting.priority,
        since=waiting.since,
        position=waiting.position,
        why=reasons(waiting.why),
    )


def masked_text(number: str | None, rights: Rights) -> str | None:
    """A number of a record as this reader sees it."""
    if number is None or may_see_numbers(rights):
        return number
    return mask(number)


def _place(call: CallFacts) -> PlaceView | None:
    if not (call.area_code or call.province or call.city):
        return None
    return PlaceView(area_code=call.area_code, province=call.province, city=call.city)


def _customer(call: CallFacts, card: Card | None, rights: Rights) -> CustomerView | None:
    if call.customer_id is None:
        return None
    if card is not None and card.customer.id == call.customer_id:
        return customer_view(card, rights)
    return CustomerView(id=call.customer_id, name=call.customer_name or "")

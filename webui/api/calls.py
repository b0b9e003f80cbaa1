"""Records of calls: finding them, and what happened in each.

Rule: who may not see every call sees the own ones; another's is as if it were not there, and so is one of a
customer beyond the scope of the role. A stranger's call is everybody's.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from acd.call_search import CallQuery, FoundCall, find_calls
from acd.recording_archive import RecordingView
from acd.recording_marks import PauseMark, pauses
from acd.rows import CallRow, StepRow
from acd.why import Told
from crm_core.errors import NotFound
from crm_core.field_rights import is_hidden
from crm_core.fields import Id
from crm_core.people.names import names_of
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.present import number_of, step_detail
from webui.routing import CALL, Route, needs
from webui.views import ReasonView, View

_REASONS = frozenset({"why", "rules", "preferred", "others"})
_PLACE = frozenset({"customer.addresses", "customer.province", "customer.city"})
_SALESPERSON = frozenset({"customer.salesperson"})
_TOLD_OF = {
    "home": _PLACE,
    "level": frozenset({"customer.level"}),
    "prefers_salesperson": _SALESPERSON,
    "prefers_deputy": _SALESPERSON,
    "passed_away": _SALESPERSON,
    "passed_busy": _SALESPERSON,
}
"""The customer's fields of which a line of an explanation tells."""


class CallSearch(CallQuery, Model):
    """`order_id`: the call in which this order was taken."""

    order_id: Id | None = None


class CallItem(View):
    id: str
    direction: str
    caller: str | None
    did: str
    medium: str | None
    customer_id: int | None
    customer_name: str | None
    province: str | None
    city: str | None
    menu_path: tuple[str, ...]
    queue: str | None
    agent_id: int | None
    started_at: datetime
    queued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    line_version: int | None
    recording: str | None


class ListedCall(CallItem):
    """`recorded_s`: the length of the sound that can be heard."""

    agent_name: str | None
    recorded_s: float | None


class StepItem(View):
    seq: int
    at: datetime
    kind: str
    detail: dict[str, Any]


class PauseItem(View):
    start_s: float
    end_s: float
    by: int | None
    why: str
    ended_by: int | None
    ended_why: str | None


class RecordingItem(View):
    """`allowed`: what this reader may do with it: listen, download, hold, release, uses."""

    seconds: float
    channels: int
    stored_at: datetime
    removed_at: datetime | None
    held_at: datetime | None
    hold_reason: str | None
    pauses: tuple[PauseItem, ...]
    allowed: tuple[str, ...]


class ToldItem(View):
    """One thing that happened or was decided, with its reasons."""

    at: datetime
    code: str
    params: dict[str, str]
    why: tuple[ReasonView, ...]

    def own_fields(self) -> frozenset[str]:
        return _TOLD_OF.get(self.code, frozenset())


class CallWhy(View):
    """Why a call went where it went, in order."""

    call: CallItem
    told: tuple[ToldItem, ...]


class CallList(View):
    items: tuple[ListedCall, ...]
    after: str | None


class CallDetail(View):
    """`names`: of the people whose ids stand in it."""

    call: CallItem
    names: dict[int, str]
    steps: tuple[StepItem, ...]
    recording: RecordingItem | None


async def search(asked: Asked[Nothing, CallSearch]) -> CallList:
    """Calls, the newest first: all of them, or one's own."""
    who, query = asked.principal, asked.query
    if not who.may(Right.CALL_VIEW):
        if query.agent_id not in (None, who.user_id):
            return CallList(items=(), after=None)
        query = query.model_copy(update={"agent_id": who.user_id})
    if query.order_id is not None:
        order = await asked.services.trade.orders.get(who, query.order_id)
        if order.call_id is None or query.call_id not in (None, order.call_id):
            return CallList(items=(), after=None)
        query = query.model_copy(update={"call_id": order.call_id})
    page = await find_calls(asked.services.database, who, query)
    return CallList(items=tuple(_listed(each, asked) for each in page.items), after=page.after)


async def show(asked: Asked[Nothing, Nothing]) -> CallDetail:
    """One call with everything that happened in it."""
    row = await visible(asked, Right.CALL_VIEW)
    services = asked.services
    steps = await services.calls.steps(row.id)
    sound = await services.recordings.find(row.id)
    marks = pauses(steps, sound.seconds) if sound is not None else ()
    people = {row.agent_id, *(step.detail.get("by") for step in steps)}
    names = await names_of(services.database, {each for each in people if isinstance(each, int)})
    return CallDetail(
        call=_item(row, asked),
        names=names,
        steps=tuple(_step(step, row, asked) for step in steps),
        recording=None if sound is None else _recording(sound, marks, asked),
    )


async def why(asked: Asked[Nothing, Nothing]) -> CallWhy:
    """Why a call went where it went: who it was, which rules held and which did not, who was asked and who was not."""
    row = await visible(asked, Right.CALL_VIEW)
    hidden = number_of(row.customer_id, row.caller, asked.principal)
    told = [
        Told(each.at, each.code, _without_number(each.params, row.caller, hidden), each.why)
        for each in await asked.services.calls.why(row)
    ]
    return CallWhy(
        call=_item(row, asked), told=tuple(ToldItem.model_validate(each) for each in told)
    )


def _without_number(
    params: Mapping[str, str], number: str | None, shown: str | None
) -> dict[str, str]:
    return {
        name: shown or "" if value == number and number is not None else value
        for name, value in params.items()
    }


async def visible(asked: Asked[Any, Any], right: Right) -> CallRow:
    """The call of the path, if it is one's own or the right is held. Raises NotFound."""
    who = asked.principal
    row = await asked.services.calls.call(who, asked.id)
    if row is None or (row.agent_id != who.user_id and not who.may(right)):
        raise NotFound("There is no such call.")
    return row


def _listed(found: FoundCall, asked: Asked[Any, Any]) -> ListedCall:
    item = _item(found.row, asked)
    return ListedCall(**item.model_dump(), agent_name=found.agent_name, recorded_s=found.recorded_s)


def _item(row: CallRow, asked: Asked[Any, Any]) -> CallItem:
    caller = number_of(row.customer_id, row.caller, asked.principal)
    return CallItem.model_validate(row).model_copy(update={"caller": caller})


def _recording(
    sound: RecordingView, marks: tuple[PauseMark, ...], asked: Asked[Any, Any]
) -> RecordingItem:
    who = asked.principal
    rights = {
        "download": who.may(Right.RECORDING_DOWNLOAD),
        "hold": who.may(Right.RECORDING_HOLD) and sound.held_at is None,
        "release": who.may(Right.RECORDING_HOLD) and sound.held_at is not None,
        "uses": who.may(Right.RECORDING_HOLD) or who.may(Right.AUDIT_VIEW),
    }
    there = sound.removed_at is None
    return RecordingItem(
        seconds=sound.seconds,
        channels=sound.channels,
        stored_at=sound.stored_at,
        removed_at=sound.removed_at,
        held_at=sound.held_at,
        hold_reason=sound.hold_reason,
        pauses=tuple(PauseItem.model_validate(each) for each in marks),
        allowed=tuple(name for name, may in rights.items() if may and (there or name == "uses")),
    )


def _step(step: StepRow, row: CallRow, asked: Asked[Nothing, Nothing]) -> StepItem:
    """Fields that the role does not see may stand among the details; reasons are told by `why`."""
    who = asked.principal
    detail = {
        key: value
        for key, value in step_detail(step.detail, row.customer_id, row.caller, who).items()
        if key not in _REASONS and not is_hidden(f"customer.{key}", who.hidden)
    }
    return StepItem(seq=step.seq, at=step.at, kind=step.kind, detail=detail)


ROUTES = (
    Route(
        "GET",
        "/api/calls",
        search,
        needs(Right.CALL_VIEW, Right.AGENT_WORK),
        query=CallSearch,
        answer=CallList,
    ),
    Route(
        "GET",
        f"/api/calls/{CALL}",
        show,
        needs(Right.CALL_VIEW, Right.AGENT_WORK),
        answer=CallDetail,
    ),
    Route(
        "GET",
        f"/api/calls/{CALL}/why",
        why,
        needs(Right.CALL_VIEW, Right.AGENT_WORK),
        answer=CallWhy,
    ),
)

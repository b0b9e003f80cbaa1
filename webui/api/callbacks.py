"""Call-backs: asked for, made now, closed.

Rule: an agent works on the own ones and on those that are anybody's; who manages campaigns, on all.
"""

from typing import Annotated

from pydantic import AwareDatetime, Field

from crm_core.customers.service import OwnedPhone
from crm_core.errors import Forbidden, Invalid, NotFound
from crm_core.fields import CallId, Id, Text
from crm_core.rights import Right
from dialer.events import CallbackView
from webui.asked import Asked, Model, Nothing
from webui.board import facts_of
from webui.pops import CallFacts
from webui.present import callback_item
from webui.routing import NUMBER, Route, needs
from webui.views import CallbackItem, View

_MOST = 1000


class WantedCallback(Model):
    """Without `number` that of `phone_id` or `address_id` (a customer's), or of the call, is taken: whoever asks
    may not be able to see it.
    """

    phone_id: Id | None = None
    address_id: Id | None = None
    number: Annotated[Text, Field(max_length=32)] | None = None
    due_at: AwareDatetime | None = None
    agent_id: Id | None = None
    note: Annotated[Text, Field(max_length=500)] | None = None
    call_id: CallId | None = None


class CallbackList(View):
    items: tuple[CallbackItem, ...]


class CallbackAnswer(View):
    callback: CallbackItem


async def search(asked: Asked[Nothing, Nothing]) -> CallbackList:
    """Call-backs that are open, by due time."""
    return CallbackList(items=tuple(_item(asked, each) for each in await _mine(asked)))


async def create(asked: Asked[WantedCallback, Nothing]) -> CallbackAnswer:
    """Promise a call-back, now or at a time; 409 when the number already waits for one."""
    body, services = asked.body, asked.services
    _check_agent(asked)
    call = None
    if body.call_id is not None:
        call = facts_of(services.acd, body.call_id) or asked.door.live.shown(body.call_id)
    known = await _phone(asked)
    number = known.number if known else body.number or (call.caller if call else None)
    if number is None:
        raise Invalid("Whom to call back? Give a number.", fields={"number": "missing"})
    if known is not None or body.number is not None:
        asked.principal.require(services.right_to_dial(number))
    customer_id = call.customer_id if call and call.caller == number else None
    made = await services.callbacks.request(
        number,
        await _queue(asked, call),
        source="agent",
        due_at=body.due_at,
        customer_id=known.customer_id if known else customer_id,
        agent_id=body.agent_id,
        call_id=body.call_id,
        note=body.note,
    )
    return _answer(asked, made)


async def _phone(asked: Asked[WantedCallback, Nothing]) -> OwnedPhone | None:
    body, customers, who = asked.body, asked.services.crm.customers, asked.principal
    if body.phone_id is not None:
        return await customers.phone(who, body.phone_id)
    if body.address_id is not None:
        return await customers.phone_of_address(who, body.address_id)
    return None


async def call_now(asked: Asked[Nothing, Nothing]) -> CallbackAnswer:
    """Make the call-back as soon as the one who asks is ready."""
    wanted = await _one_of_mine(asked)
    made = await asked.services.callbacks.call_now(wanted.id, asked.principal.user_id)
    return _answer(asked, made)


async def close(asked: Asked[Nothing, Nothing]) -> CallbackAnswer:
    """Nobody needs to call any more."""
    wanted = await _one_of_mine(asked)
    return _answer(asked, await asked.services.callbacks.close_callback(wanted.id))


async def _mine(asked: Asked[Nothing, Nothing]) -> list[CallbackView]:
    who, found = asked.principal, await asked.services.callbacks.callbacks(limit=_MOST)
    if who.may(Right.CAMPAIGN_MANAGE):
        return found
    return [each for each in found if each.agent_id in (None, who.user_id)]


async def _one_of_mine(asked: Asked[Nothing, Nothing]) -> CallbackView:
    for each in await _mine(asked):
        if each.id == int(asked.id):
            return each
    raise NotFound("There is no such open call-back.")


def _check_agent(asked: Asked[WantedCallback, Nothing]) -> None:
    agent_id, who = asked.body.agent_id, asked.principal
    if agent_id in (None, who.user_id):
        return
    if not who.may(Right.CAMPAIGN_MANAGE):
        raise Forbidden("Only a supervisor gives a call-back to somebody else.")
    if asked.services.acd.agent_view(agent_id or 0) is None:
        raise Invalid("There is no such agent at work.", fields={"agent_id": "unknown"})


async def _queue(asked: Asked[WantedCallback, Nothing], call: CallFacts | None) -> str:
    """The queue of the call, else the first that the asker serves."""
    if call is not None and call.queue is not None:
        return call.queue
    served = await asked.services.queues_of(asked.principal)
    if not served:
        raise Invalid("You serve no queue: ask a supervisor.", fields={"queue": "missing"})
    return served[0]


def _answer(asked: Asked[Model, Nothing], view: CallbackView) -> CallbackAnswer:
    return CallbackAnswer(callback=_item(asked, view))


def _item(asked: Asked[Model, Nothing], view: CallbackView) -> CallbackItem:
    who = asked.principal
    return callback_item(view, who, agent_id=who.user_id, scope=who.scope)


ROUTES = (
    Route(
        "GET",
        "/api/callbacks",
        search,
        needs(Right.CALLBACK_WORK),
        answer=CallbackList,
    ),
    Route(
        "POST",
        "/api/callbacks",
        create,
        needs(Right.CALLBACK_WORK),
        WantedCallback,
        answer=CallbackAnswer,
        status=201,
        once=True,
    ),
    Route(
        "POST",
        f"/api/callbacks/{NUMBER}/call",
        call_now,
        needs(Right.CALLBACK_WORK),
        answer=CallbackAnswer,
    ),
    Route(
        "POST",
        f"/api/callbacks/{NUMBER}/close",
        close,
        needs(Right.CALLBACK_WORK),
        answer=CallbackAnswer,
    ),
)

"""Hanging up on the page. Rule: agents end the talk they are in, and nobody else's."""

from typing import Literal

from crm_core.errors import NotFound
from crm_core.rights import Right
from webui.api.recordings import own_talk
from webui.asked import Asked, Model, Nothing
from webui.routing import CALL, Route, needs


class HangUpWanted(Model):
    """`talk`: the own telephone, after which the caller may be asked for an opinion; `call`: the caller as well."""

    part: Literal["talk", "call"] = "talk"


async def hang_up(asked: Asked[HangUpWanted, Nothing]) -> None:
    """End the own part of a talk, or the call; 409 when Asterisk did not confirm."""
    record, hanging_up = own_talk(asked), asked.services.hanging_up
    if record is None:
        raise NotFound("You do not talk in such a call (any more).")
    end = hanging_up.talk if asked.body.part == "talk" else hanging_up.call
    await end(record, asked.principal.user_id)


ROUTES = (
    Route(
        "POST",
        f"/api/calls/{CALL}/hang-up",
        hang_up,
        needs(Right.AGENT_WORK),
        HangUpWanted,
        status=204,
    ),
)

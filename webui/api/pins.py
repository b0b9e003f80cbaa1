"""PINs by which dealers prove themselves at the keypad: whether there is one, given, taken away.

Rule: the digits go in and never come out.
"""

from datetime import datetime
from typing import Annotated

from pydantic import Field, SecretStr

from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedPin(Model):
    """Digits, which the dealer is asked to change when they are first used."""

    pin: Annotated[SecretStr, Field(max_length=20)]


class PinAnswer(View):
    """`temporary`: staff gave it, and it has not been changed; `set_by` null: the dealer chose it."""

    customer_id: int
    is_set: bool
    temporary: bool
    set_at: datetime | None
    set_by: int | None
    locked_until: datetime | None


async def show(asked: Asked[Nothing, Nothing]) -> PinAnswer:
    """Whether this customer has a PIN, since when, and whether it is locked."""
    found = await asked.services.crm.pins.get(asked.principal, int(asked.id))
    return PinAnswer.model_validate(found)


async def give(asked: Asked[WantedPin, Nothing]) -> PinAnswer:
    """A PIN to begin with, in place of any other, which also unlocks."""
    pins = asked.services.crm.pins
    await pins.give(asked.principal, int(asked.id), asked.body.pin.get_secret_value())
    return PinAnswer.model_validate(await pins.get(asked.principal, int(asked.id)))


async def take_away(asked: Asked[Nothing, Nothing]) -> None:
    """No PIN any more: what asks for it is not told by keypad."""
    await asked.services.crm.pins.take_away(asked.principal, int(asked.id))


_TERMS = needs(Right.CUSTOMER_TERMS)
_PIN = f"/api/customers/{NUMBER}/pin"

ROUTES = (
    Route("GET", _PIN, show, _TERMS, answer=PinAnswer),
    Route("POST", _PIN, give, _TERMS, WantedPin, answer=PinAnswer),
    Route("DELETE", _PIN, take_away, _TERMS, status=204),
)

"""Couriers with their tariffs and numbers, and who would carry a parcel."""

from decimal import Decimal

from crm_core.rights import Right
from orders.delivery.commands import AskChoice, NewRange, PutCourier
from orders.delivery.courier_service import CourierService
from webui.asked import Asked, Model, Nothing
from webui.routing import CODE, NUMBER, Route, needs
from webui.views import ReasonView, View


class WantedCourier(PutCourier, Model):
    """Version 0 makes a new courier."""


class WantedNumbers(NewRange, Model):
    """A range of waybill numbers."""


class WantedChoice(AskChoice, Model):
    """The parcel."""


class TariffItem(View):
    areas: tuple[str, ...]
    over_g: int
    up_to_g: int | None
    first_g: int
    first_price: Decimal
    further_g: int
    further_price: Decimal
    days: int


class CourierItem(View):
    code: str
    name_zh: str
    name_en: str
    kind: str
    paper: str
    ways: tuple[str, ...]
    not_served: tuple[str, ...]
    priority: int
    number_check: str
    cod: bool
    cod_fee_percent: Decimal
    cod_fee_least: Decimal
    cod_most: Decimal | None
    feedback_columns: dict[str, str]
    feedback_codes: dict[str, str]
    active: bool
    version: int
    tariffs: tuple[TariffItem, ...]
    numbers_left: int


class CourierList(View):
    items: tuple[CourierItem, ...]


class CourierAnswer(View):
    courier: CourierItem


class CourierOffer(View):
    """`possible` False: `why` says why it cannot carry it."""

    code: str
    possible: bool
    priority: int
    freight: Decimal
    cod_fee: Decimal
    days: int
    why: tuple[ReasonView, ...]


class ChoiceAnswer(View):
    """`chosen` is None when nobody can carry it; the offers are everybody's, the best first."""

    chosen: CourierOffer | None
    offers: tuple[CourierOffer, ...]


async def couriers(asked: Asked[Nothing, Nothing]) -> CourierList:
    """All couriers by priority, the inactive ones too."""
    found = await _service(asked).all(asked.principal)
    return CourierList(items=tuple(map(CourierItem.model_validate, found)))


async def show(asked: Asked[Nothing, Nothing]) -> CourierAnswer:
    """One courier."""
    found = await _service(asked).get(asked.principal, asked.id)
    return CourierAnswer(courier=CourierItem.model_validate(found))


async def put(asked: Asked[WantedCourier, Nothing]) -> CourierAnswer:
    """Enter a courier, or change it as a whole."""
    made = await _service(asked).put(asked.principal, asked.id, asked.body)
    return CourierAnswer(courier=CourierItem.model_validate(made))


async def add_numbers(asked: Asked[WantedNumbers, Nothing]) -> CourierAnswer:
    """Enter numbers that the courier has given out."""
    made = await _service(asked).add_numbers(asked.principal, asked.id, asked.body)
    return CourierAnswer(courier=CourierItem.model_validate(made))


async def choose(asked: Asked[WantedChoice, Nothing]) -> ChoiceAnswer:
    """Who would carry such a parcel, and why not the others."""
    found = await _service(asked).choose(asked.principal, asked.body)
    return ChoiceAnswer.model_validate(found)


async def choose_for(asked: Asked[Nothing, Nothing]) -> ChoiceAnswer:
    """Who would carry an order, and why not the others."""
    found = await _service(asked).choose_for(asked.principal, int(asked.id))
    return ChoiceAnswer.model_validate(found)


def _service(asked: Asked[Model, Model]) -> CourierService:
    return asked.services.trade.couriers


_VIEW, _MANAGE = needs(Right.DELIVERY_VIEW), needs(Right.DELIVERY_MANAGE)
_COURIERS = "/api/couriers"

ROUTES = (
    Route("GET", _COURIERS, couriers, _VIEW, answer=CourierList),
    Route("POST", "/api/courier-choice", choose, _VIEW, WantedChoice, answer=ChoiceAnswer),
    Route("GET", f"{_COURIERS}/{CODE}", show, _VIEW, answer=CourierAnswer),
    Route("PUT", f"{_COURIERS}/{CODE}", put, _MANAGE, WantedCourier, answer=CourierAnswer),
    Route(
        "POST",
        f"{_COURIERS}/{CODE}/numbers",
        add_numbers,
        _MANAGE,
        WantedNumbers,
        answer=CourierAnswer,
        status=201,
        once=True,
    ),
    Route("GET", f"/api/orders/{NUMBER}/couriers", choose_for, _VIEW, answer=ChoiceAnswer),
)

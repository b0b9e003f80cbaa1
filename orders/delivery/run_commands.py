"""What may be asked of routes, vehicles, drivers and load lists."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from crm_core.fields import PAGE, Command, Id, Limit, Text, Version
from orders.catalogue.commands import Sku
from orders.delivery.codes import RunState, StopResult
from orders.delivery.commands import MOST_AT_ONCE, Areas, Code, Ids, KnownVersion, Money, Name

_FIRST_YEAR, _LAST_YEAR = 2000, 2199
_Plate = Annotated[Text, Field(min_length=2, max_length=20)]
_Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 -]{2,30}$")]
_Capacity = Annotated[int, Field(ge=1, le=100_000_000_000)]


def _within_reason(day: date) -> date:
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError(f"give a day between the years {_FIRST_YEAR} and {_LAST_YEAR}")
    return day


Day = Annotated[date, AfterValidator(_within_reason)]


class PutRoute(Command):
    """Version 0 makes a new route; `customer_ids` are its stops in the order of visits."""

    name_zh: Name
    name_en: Name
    areas: Areas = ()
    weekdays: Annotated[frozenset[Annotated[int, Field(ge=1, le=7)]], Field(max_length=7)] = (
        frozenset()
    )
    customer_ids: Annotated[tuple[Id, ...], Field(max_length=1000)] = ()
    active: bool = True
    version: KnownVersion = 0

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len(set(self.customer_ids)) != len(self.customer_ids):
            raise ValueError("customer_ids: a customer stands there twice")
        return self


class PutVehicle(Command):
    """Version 0 makes a new vehicle; `capacity_ml` is a thousandth of a litre, a cubic metre is 1,000,000."""

    plate: _Plate
    name: Name | None = None
    capacity_g: _Capacity
    capacity_ml: _Capacity
    active: bool = True
    version: KnownVersion = 0


class PutDriver(Command):
    """Version 0 makes a new driver."""

    name: Name
    phone: _Phone
    user_id: Id | None = None
    active: bool = True
    version: KnownVersion = 0


class NewRun(Command):
    """A load list; `order_ids` are taken as far as they fit."""

    day: Day
    courier_code: Code
    route_code: Code | None = None
    vehicle_code: Code
    driver_code: Code
    order_ids: Annotated[tuple[Id, ...], Field(max_length=MOST_AT_ONCE)] = ()


class RunOrders(Command):
    version: Version
    order_ids: Ids


class MoveRun(Command):
    """Made from `version`."""

    version: Version


class ReturnedGoods(Command):
    """Base units that came back."""

    sku: Sku
    quantity: Annotated[int, Field(ge=1, le=100_000_000)]


class StopOutcome(Command):
    """How a stop ended."""

    order_id: Id
    result: StopResult
    cash_collected: Money = Decimal(0)
    signer: Annotated[Text, Field(max_length=50)] | None = None
    note: Annotated[Text, Field(max_length=300)] | None = None
    returned: Annotated[tuple[ReturnedGoods, ...], Field(max_length=200)] = ()


class SettleRun(MoveRun):
    """Every stop of the load list, once."""

    stops: Annotated[tuple[StopOutcome, ...], Field(max_length=1000)]


class RunQuery(Command):
    """The newest first; `before`: the last one of the page before."""

    day: Day | None = None
    state: RunState | None = None
    driver_code: Code | None = None
    before: Id | None = None
    limit: Limit = PAGE

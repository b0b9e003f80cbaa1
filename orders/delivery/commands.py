"""What may be asked of couriers and waybills."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from crm_core.fields import PAGE, Command, Id, Limit, Moment, Text, in_full
from orders.delivery.codes import Check, CourierKind, EventCode, State, Way, WaybillKind
from orders.delivery.numbers import SERIAL_DIGITS
from orders.delivery.papers.forms import Form

MOST_AT_ONCE = 200
MOST_REPORTS = 500

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
KnownVersion = Annotated[int, Field(ge=0, le=999_999_999)]
Name = Annotated[Text, Field(min_length=1, max_length=50)]
Area = Annotated[Text, Field(min_length=1, max_length=40, pattern=r"^[^/]+(/[^/]+)?$")]
Areas = Annotated[tuple[Area, ...], Field(max_length=400)]
Money = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)]
Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)]
Grams = Annotated[int, Field(ge=0, le=100_000_000)]
Millilitres = Annotated[int, Field(ge=0, le=1_000_000_000)]
Number = Annotated[Text, Field(min_length=1, max_length=40)]
Reason = Annotated[Text, Field(min_length=1, max_length=200)]
Ids = Annotated[tuple[Id, ...], Field(min_length=1, max_length=MOST_AT_ONCE)]
_Step = Annotated[int, Field(ge=1, le=10_000_000)]
_Word = Annotated[Text, Field(min_length=1, max_length=50)]
_Affix = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{0,6}$")]
_Serial = Annotated[int, Field(ge=0, lt=10**18)]


class TariffContent(Command):
    """Heavier than `over_g` up to `up_to_g` grams; without `areas` everywhere."""

    areas: Areas = ()
    over_g: Grams = 0
    up_to_g: Grams | None = None
    first_g: _Step
    first_price: Money
    further_g: _Step = 1000
    further_price: Money = Decimal(0)
    days: Annotated[int, Field(ge=0, le=90)] = 3

    @model_validator(mode="after")
    def _bracket(self) -> Self:
        if self.up_to_g is not None and self.up_to_g <= self.over_g:
            raise ValueError("up_to_g: it must be more than over_g")
        return self


class CourierContent(Command):
    """Everything that is kept of a courier, beside its code.

    `feedback_columns` gives the column of the courier's file for number, code, at, place, signer, note and
    collected; `feedback_codes` what the courier's words mean.
    """

    name_zh: Name
    name_en: Name
    kind: CourierKind
    paper: Form
    ways: Annotated[frozenset[Way], Field(min_length=1)]
    not_served: Areas = ()
    priority: Annotated[int, Field(ge=0, le=1000)] = 100
    number_check: Check = Check.NONE
    cod: bool = False
    cod_fee_percent: Percent = Decimal(0)
    cod_fee_least: Money = Decimal(0)
    cod_most: Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=2)] | None = None
    feedback_columns: Annotated[dict[_Word, _Word], Field(max_length=10)] = Field(
        default_factory=dict
    )
    feedback_codes: Annotated[dict[_Word, EventCode], Field(max_length=200)] = Field(
        default_factory=dict
    )
    active: bool = True
    tariffs: Annotated[tuple[TariffContent, ...], Field(max_length=200)] = ()

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if Way.SELF_COLLECTION in self.ways:
            raise ValueError("ways: who collects the goods needs no courier")
        known = {"number", "code", "at", "place", "signer", "note", "collected"}
        if unknown := sorted(set(self.feedback_columns) - known):
            raise ValueError(f"feedback_columns: {', '.join(unknown)} is none of {sorted(known)}")
        return self


class PutCourier(CourierContent):
    """Version 0 makes a new courier."""

    version: KnownVersion = 0


class NewRange(Command):
    """Numbers from `first_serial` to `last_serial`."""

    prefix: _Affix = ""
    suffix: _Affix = ""
    width: Annotated[int, Field(ge=1, le=18)]
    first_serial: _Serial
    last_serial: _Serial

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.last_serial < self.first_serial:
            raise ValueError("last_serial: it is before the first one")
        if len(str(self.last_serial)) > self.width:
            raise ValueError("width: the last serial has more digits")
        return self

    def fits(self, check: Check) -> bool:
        """S10 says how its numbers look."""
        letters = self.prefix.isalpha() and self.suffix.isalpha()
        sized = (len(self.prefix), self.width, len(self.suffix)) == (2, SERIAL_DIGITS, 2)
        return check is not Check.S10 or (letters and sized)


class ConsigneeContent(Command):
    """Who gets the order, where and how; a number that is not given stays."""

    recipient: Annotated[Text, Field(min_length=1, max_length=100)]
    phone: Annotated[Text, Field(max_length=32), AfterValidator(in_full)] | None = None
    province: Annotated[Text, Field(max_length=20)] | None = None
    city: Annotated[Text, Field(max_length=20)] | None = None
    district: Annotated[Text, Field(max_length=30)] | None = None
    street: Annotated[Text, Field(min_length=1, max_length=300)]
    postcode: Annotated[Text, Field(max_length=10)] | None = None
    way: Way = Way.STANDARD


class PutConsignee(ConsigneeContent):
    """Version 0 is for an order that has none of its own yet."""

    version: KnownVersion = 0


class AskChoice(Command):
    """A parcel for which a courier is sought."""

    way: Way = Way.STANDARD
    province: Annotated[Text, Field(max_length=20)] | None = None
    city: Annotated[Text, Field(max_length=20)] | None = None
    weight_g: Grams
    cod_amount: Money = Decimal(0)


class MakeWaybills(Command):
    """One for each order that is being picked.

    Without `courier_code` the choice decides; with it a person does, and says why. `number` and the
    measures are for a single order.
    """

    order_ids: Ids
    courier_code: Code | None = None
    reason: Reason | None = None
    number: Number | None = None
    weight_g: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    kind: WaybillKind = WaybillKind.OUTWARD

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.courier_code is not None and self.reason is None:
            raise ValueError("reason: say why you choose the courier yourself")
        if len(self.order_ids) > 1 and (self.number is not None or self.weight_g is not None):
            raise ValueError("order_ids: a number and a weight are for one order")
        return self


class UnsortedQuery(Command):
    """Orders that are being picked and have no waybill, the oldest first, from after `after` on."""

    after: Id | None = None
    limit: Limit = PAGE


class WaybillIds(Command):
    waybill_ids: Ids


class VoidWaybill(Command):
    reason: Reason


class WaybillQuery(Command):
    """The newest first; `before`: the last one of the page before. `late`: not there when promised."""

    order_id: Id | None = None
    courier_code: Code | None = None
    number: Number | None = None
    state: State | None = None
    late: bool = False
    before: Id | None = None
    limit: Limit = PAGE


class ConflictQuery(Command):
    """The oldest first; `after`: the last one of the page before."""

    after: Id | None = None
    limit: Limit = PAGE


class Report(Command):
    """A courier's word about one waybill; `key` is the courier's own name of the event, if it has one."""

    number: Number
    code: EventCode
    at: Moment
    place: Annotated[Text, Field(max_length=100)] | None = None
    signer: Annotated[Text, Field(max_length=50)] | None = None
    note: Annotated[Text, Field(max_length=300)] | None = None
    collected: Money | None = None
    key: Annotated[Text, Field(min_length=1, max_length=60)] | None = None


class Reports(Command):
    """Answered one by one, so that one that is refused keeps no other back."""

    courier_code: Code
    reports: Annotated[tuple[Report, ...], Field(min_length=1, max_length=MOST_REPORTS)]

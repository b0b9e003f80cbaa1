"""What people may write in a customer's record.

Rule: a value that is accepted here can be kept; what needs the database to be judged (codes, custom
fields, the tree) is judged in the transaction that writes it.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    model_validator,
)

from crm_core.fields import Text, in_full
from crm_core.numbers import normalise
from crm_core.outbox.messages import Channel
from crm_core.rights import Right

_EARLIEST, _LATEST = date(1900, 1, 1), date(2199, 12, 31)


def _dialable(value: str) -> str:
    number = normalise(in_full(value))
    if number is None:
        raise ValueError(f"“{value[:40]}” is not a telephone number: check its digits")
    return number


WayT = TypeVar("WayT", bound=str)


def _sorted(ways: tuple[WayT, ...]) -> tuple[WayT, ...]:
    return tuple(sorted(set(ways)))


def _as_entry(value: Any) -> Any:
    """A number alone is an entry too."""
    return {"number": value} if isinstance(value, str) else value


Name = Annotated[Text, Field(min_length=1, max_length=100)]
Number = Annotated[str, Field(max_length=64), AfterValidator(_dialable)]
Email = Annotated[Text, Field(max_length=200, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
WeComUser = Annotated[Text, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$")]
RobotKey = Annotated[Text, Field(pattern=r"^[0-9A-Za-z-]{8,64}$")]
ToldBy = Annotated[tuple[Channel, ...], Field(max_length=20), AfterValidator(_sorted)]
Money = Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)]
Day = Annotated[date, Field(ge=_EARLIEST, le=_LATEST)]
Way = Literal["call", "email", "sms"]
RowId = Annotated[int, Field(ge=1, le=2_147_483_647)]
Code = Annotated[Text, Field(min_length=1, max_length=40)]
CustomInput = (
    StrictBool
    | Annotated[Decimal, Field(max_digits=20, decimal_places=6)]
    | Annotated[Text, Field(max_length=500)]
    | Annotated[tuple[Annotated[Text, Field(max_length=500)], ...], Field(max_length=50)]
    | None
)


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PhoneEntry(_Entry):
    """A new `number`, or one that is there by its `id` (for those who may not see it)."""

    id: RowId | None = None
    number: Number | None = None
    label: Annotated[Text, Field(max_length=30)] | None = None
    contact_id: RowId | None = None

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.id is None) == (self.number is None):
            raise ValueError("give the number, or the id of one that is there, and not both")
        return self


class AddressEntry(_Entry):
    """Of one that is there (`id`) only what is given changes."""

    id: RowId | None = None
    label: Annotated[Text, Field(max_length=30)] | None = None
    recipient: Annotated[Text, Field(max_length=50)] | None = None
    phone: Number | None = None
    province: Annotated[Text, Field(max_length=20)] | None = None
    city: Annotated[Text, Field(max_length=20)] | None = None
    district: Annotated[Text, Field(max_length=30)] | None = None
    detail: Annotated[Text, Field(min_length=1, max_length=300)]
    postcode: Annotated[str, Field(pattern=r"^[0-9]{4,10}$")] | None = None


class ContactEntry(_Entry):
    """Of one that is there (`id`) only what is given changes."""

    id: RowId | None = None
    name: Annotated[Text, Field(min_length=1, max_length=50)]
    position: Annotated[Text, Field(max_length=50)] | None = None
    email: Email | None = None
    birthday: Day | None = None
    note: Annotated[Text, Field(max_length=500)] | None = None


class TerritoryEntry(_Entry):
    """Without `city` the whole province."""

    province: Annotated[Text, Field(min_length=1, max_length=20)]
    city: Annotated[Text, Field(min_length=1, max_length=20)] | None = None


Custom = Annotated[dict[str, CustomInput], Field(max_length=200)]


class CustomerFields(BaseModel):
    """What a person may write in a record; only the fields that are given are kept or changed.

    Without `told_by` the customer is told by every channel that has an address, except by calls. Of `phones` and
    `addresses` the first is the main one; a list replaces the list that was there. Of
    `custom` only the codes that are given change, null empties one. `opt_outs`: by which ways no notice may
    come. `overdue_entered` is owed beyond the terms besides what our own orders say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name = ""
    code: Code | None = None
    phones: Annotated[
        tuple[Annotated[PhoneEntry, BeforeValidator(_as_entry)], ...], Field(max_length=20)
    ] = ()
    addresses: Annotated[tuple[AddressEntry, ...], Field(max_length=20)] = ()
    contacts: Annotated[tuple[ContactEntry, ...], Field(max_length=50)] = ()
    territories: Annotated[tuple[TerritoryEntry, ...], Field(max_length=400)] = ()
    custom: Custom = Field(default_factory=dict)
    level_code: Annotated[Text, Field(max_length=30)] = "consumer"
    parent_id: RowId | None = None
    area_code: Annotated[str, Field(pattern=r"^0\d{2,3}$")] | None = None
    province: Annotated[Text, Field(max_length=20)] | None = None
    city: Annotated[Text, Field(max_length=20)] | None = None
    price_policy_code: Annotated[Text, Field(max_length=30)] = "list"
    payment_terms_code: Annotated[Text, Field(max_length=30)] | None = None
    credit_limit: Money = Decimal(0)
    overdue_entered: Money = Decimal(0)
    salesperson_id: RowId | None = None
    email: Email | None = None
    fax: Number | None = None
    wecom: WeComUser | None = None
    wecom_group: RobotKey | None = None
    told_by: ToldBy | None = None
    language: Annotated[str, Field(max_length=10, pattern=r"^[A-Za-z-]*$")] | None = None
    opt_outs: Annotated[tuple[Way, ...], Field(max_length=3), AfterValidator(_sorted)] = ()
    birthday: Day | None = None
    anniversary: Day | None = None
    note: Annotated[Text, Field(max_length=2000)] | None = None


class NewCustomer(CustomerFields):
    name: Name


LISTS = frozenset({"phones", "addresses", "contacts", "territories", "custom"})
_TERMS = ("price_policy_code", "payment_terms_code", "credit_limit", "overdue_entered")
_CHANNEL = ("level_code", "parent_id", "salesperson_id", "territories")
NEEDS: Mapping[str, Right] = dict.fromkeys(_TERMS, Right.CUSTOMER_TERMS) | dict.fromkeys(
    _CHANNEL, Right.CHANNEL_MANAGE
)


_KNOWN_AS = {
    "level_code": "level",
    "parent_id": "parent",
    "price_policy_code": "price_policy",
    "payment_terms_code": "payment_terms",
    "overdue_entered": "credit_overdue",
    "salesperson_id": "salesperson",
}


def field_code(name: str) -> str:
    """The field as roles and searches know it."""
    return _KNOWN_AS.get(name, name)

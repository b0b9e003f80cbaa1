"""What may be asked of settlement."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from crm_core.fields import PAGE, Command, Id, Limit, Moment, Text, Versioned
from orders.sales.quote_commands import Day
from orders.settlement.codes import ChargeKind, PartyKind, Resolution, State

LONGEST_ITEM_PAGE = 1000
PartyCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
Reason = Annotated[Text, Field(min_length=1, max_length=200)]
Money = Annotated[Decimal, Field(gt=0, max_digits=14, decimal_places=2)]
_Name = Annotated[Text, Field(min_length=1, max_length=100)]


class NewSettlement(Command):
    """With whom, for which days (both within it). What is left from before is settled with it."""

    party_kind: PartyKind
    party_code: PartyCode
    begins: Day
    ends: Day

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends < self.begins:
            raise ValueError("ends: it ends before it begins")
        return self


class SettlementQuery(Command):
    """The newest first, before the settlement `before`."""

    party_kind: PartyKind | None = None
    party_code: PartyCode | None = None
    state: State | None = None
    before: Id | None = None
    limit: Limit = PAGE


class ItemQuery(Command):
    """In the order of their numbers, after the item `after`."""

    after: Annotated[int, Field(ge=0, le=10**15)] = 0
    limit: Annotated[int, Field(ge=1, le=LONGEST_ITEM_PAGE)] = PAGE


class DifferenceQuery(Command):
    """The open ones, or all; after the difference `after`."""

    open_only: bool = True
    after: Annotated[int, Field(ge=0, le=999_999_999)] = 0
    limit: Limit = PAGE


class ResolveDifference(Command):
    """How it came right, and why."""

    resolution: Resolution
    reason: Reason


class ResolveAll(ResolveDifference):
    """All open ones up to an amount between ours and theirs."""

    most: Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)]


class ChangeSettlement(Versioned):
    """Work out anew, confirm or discard what its author looked at."""


class NewSettlementPayment(Command):
    """Money that moved; the slip's number counts once."""

    amount: Money
    method: Literal["transfer", "cash"]
    reference: Annotated[Text, Field(min_length=1, max_length=64)]
    paid_at: Moment


class PutSupplier(Command):
    """Version 0 makes a new one."""

    name_zh: _Name
    name_en: _Name
    active: bool = True
    version: Annotated[int, Field(ge=0, le=999_999_999)] = 0


class NewCharge(Command):
    """A delivery note, goods that went back, or a rebate; the reference counts once for each kind."""

    supplier_code: PartyCode
    kind: ChargeKind
    reference: Annotated[Text, Field(min_length=1, max_length=40)]
    amount: Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=2)]
    happened_at: Moment
    note: Annotated[Text, Field(max_length=200)] | None = None


class ChargeQuery(Command):
    """The newest first, before the charge `before`."""

    supplier_code: PartyCode | None = None
    before: Id | None = None
    limit: Limit = PAGE

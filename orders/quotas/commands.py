"""What may be asked of quotas and order windows."""

from datetime import date, time
from typing import Annotated, Self

from pydantic import Field, model_validator

from crm_core.fields import PAGE, Command, Id, Limit, Text, Version
from orders.catalogue.commands import CategoryCode, Sku
from orders.quotas.limits import Period

Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]
_LevelCode = Annotated[Text, Field(min_length=1, max_length=30)]
_RouteCode = CategoryCode
_Name = Annotated[Text, Field(min_length=1, max_length=50)]
_MOST = 100_000_000


class QuotaContent(Command):
    """`quantity` base units of a product or category in each period, for a customer, a level, a delivery route or everybody;
    `together`: for all of them in sum.
    """

    sku: Sku | None = None
    category_code: CategoryCode | None = None
    customer_id: Id | None = None
    level_code: _LevelCode | None = None
    route_code: _RouteCode | None = None
    together: bool = False
    period: Period
    quantity: Annotated[int, Field(ge=0, le=_MOST)]
    valid_from: Day
    valid_until: Day | None = None
    active: bool = True

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if (self.sku is None) == (self.category_code is None):
            raise ValueError("sku: give a product or a category")
        buyers = (self.customer_id, self.level_code, self.route_code)
        if sum(each is not None for each in buyers) > 1:
            raise ValueError("customer_id: give a customer, a level or a route, not several")
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise ValueError("valid_until: it ends before it begins")
        return self


class NewQuota(QuotaContent):
    """A quota to enter."""


class ChangedQuota(QuotaContent):
    """The whole content anew, made from `version`."""

    version: Version


class QuotaQuery(Command):
    """Quotas, the newest first, from before `before` on; of a product, customer or level."""

    sku: Sku | None = None
    customer_id: Id | None = None
    level_code: _LevelCode | None = None
    route_code: _RouteCode | None = None
    active: bool | None = None
    before: Id | None = None
    limit: Limit = PAGE


class NewGrant(Command):
    """Give a customer more of a quota in the period of `on` (today without it), or take some back."""

    customer_id: Id
    quantity: Annotated[int, Field(ge=-_MOST, le=_MOST)]
    reason: Annotated[Text, Field(min_length=1, max_length=200)]
    on: Day | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.quantity:
            raise ValueError("quantity: more than nothing to give, less to take back")
        return self


class WindowContent(Command):
    """When customers of a level or on a delivery route, or all, may order; 1 is Monday. One that closes at or before it opens goes on
    into the next day.
    """

    name_zh: _Name
    name_en: _Name
    level_code: _LevelCode | None = None
    route_code: _RouteCode | None = None
    weekdays: Annotated[frozenset[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1)]
    opens: time
    closes: time
    active: bool = True

    @model_validator(mode="after")
    def _of_the_business(self) -> Self:
        if self.opens.tzinfo is not None or self.closes.tzinfo is not None:
            raise ValueError("opens: hours are those of the business, without a time zone")
        return self


class NewWindow(WindowContent):
    """A window to enter."""


class ChangedWindow(WindowContent):
    """The whole content anew, made from `version`."""

    version: Version

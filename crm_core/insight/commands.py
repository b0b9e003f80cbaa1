"""What may be asked of insight."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from crm_core.fields import PAGE, Command, Id, Limit, Versioned
from crm_core.insight.rules import InsightRules

_Day = Annotated[date, Field(ge=date(1970, 1, 1), le=date(2199, 12, 31))]
_LONGEST_DAYS = 3660


class By(StrEnum):
    """Whose contributions are summed up."""

    CUSTOMER = "customer"
    LEVEL = "level"
    PROVINCE = "province"
    SALESPERSON = "salesperson"


class ContributionQuery(Command):
    """From the day `since` to the day `until`, both included.

    `customer_id`: only this one, with the rank and the share among everybody. `after`: the place of the
    last of the page before.
    """

    since: _Day
    until: _Day
    by: By = By.CUSTOMER
    customer_id: Id | None = None
    after: Annotated[int, Field(ge=1, le=2_000_000_000)] | None = None
    limit: Limit = PAGE

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until < self.since:
            raise ValueError("`until` must not be before `since`")
        if self.customer_id is not None and self.by is not By.CUSTOMER:
            raise ValueError("one customer's contribution is asked for by customer")
        if (self.until - self.since).days > _LONGEST_DAYS:
            raise ValueError("ask for at most ten years")
        return self


class PageQuery(Command):
    """`after`: the last customer of the page before."""

    limit: Limit = PAGE
    after: Id | None = None


class VersionQuery(Command):
    """`before`: the last version of the page before; the newest come first."""

    before: Id | None = None
    limit: Limit = PAGE


class RulesEdit(Versioned):
    """The whole set, as it is to be."""

    rules: InsightRules

"""What may be asked of exceptions."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from crm_core.customers.channel import Code
from crm_core.fields import PAGE, Command, Id, Limit, Moment, Text, Version, Versioned
from orders.aftersales.exceptions.flow import HIGHEST, Kind, Resolution, State
from orders.aftersales.returns.commands import GoodsBack, Words
from orders.lines import MOST_LINES

Level = Annotated[int, Field(ge=1, le=HIGHEST)]
_Money = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)]
_Given = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=2)]
_Name = Annotated[Text, Field(min_length=1, max_length=50)]


class NewException(Command):
    """The rules say on which level it begins."""

    kind: Kind
    description: Annotated[Text, Field(min_length=1, max_length=2000)]


class Escalation(Versioned):
    reason: Words


class Decision(Versioned):
    """`words` are told to the customer; beside what is resolved a coupon, a package or money may be given.

    `goods` are those of a return or an exchange, without any: everything.
    """

    resolution: Resolution
    words: Words | None = None
    coupon_kind: Code | None = None
    package_kind: Code | None = None
    refund: _Given | None = None
    goods: Annotated[tuple[GoodsBack, ...], Field(max_length=MOST_LINES)] = ()

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        gives = any((self.coupon_kind, self.package_kind, self.refund))
        if self.resolution is Resolution.COMPENSATE and not gives:
            raise ValueError("coupon_kind: say what is given")
        if self.resolution is Resolution.REFUND and self.refund is None:
            raise ValueError("refund: say how much")
        if self.resolution is Resolution.REFUSE and (gives or self.words is None):
            raise ValueError("words: say why; nothing is given")
        if self.resolution is Resolution.CANCEL and self.refund is not None:
            raise ValueError("refund: all that was paid of a cancelled order goes back anyway")
        back = (Resolution.RETURN, Resolution.EXCHANGE)
        if self.goods and self.resolution not in back:
            raise ValueError("goods: only of a return or an exchange")
        if len({line.line_no for line in self.goods}) != len(self.goods):
            raise ValueError("goods: a line stands there twice")
        return self


class Withdrawal(Versioned):
    reason: Words


class Closing(Versioned):
    words: Words | None = None


class ExceptionQuery(Command):
    """The newest first, before `before`; `overdue`: open ones whose time is over."""

    order_id: Id | None = None
    customer_id: Id | None = None
    kind: Kind | None = None
    level: Level | None = None
    state: State | None = None
    overdue: bool = False
    before: Id | None = None
    limit: Limit = PAGE


class ReportQuery(Command):
    """Exceptions raised from `since` until before `until`."""

    since: Moment
    until: Moment


class LevelContent(Command):
    """`most`: yuan that may be given on it, None: any; version 0 makes a new one of what is usual."""

    name_zh: _Name
    name_en: _Name
    hours: Annotated[int, Field(ge=1, le=8784)]
    most: _Money | None = None
    version: Annotated[int, Field(ge=0, le=999_999_999)]


class RuleContent(Command):
    """Without a kind it is for every kind, without `level_code` for customers of every level."""

    kind: Kind | None = None
    least_total: _Money = Decimal(0)
    level_code: Code | None = None
    vip: bool = False
    level: Level
    active: bool = True


class NewRule(RuleContent):
    """A rule to enter."""


class ChangedRule(RuleContent):
    """The whole content anew, made from `version`."""

    version: Version

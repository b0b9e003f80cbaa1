"""What may be asked of the rules of review."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from crm_core.fields import Command, Text, Version
from orders.review.rules import ReviewKind, Says

_Amount = Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)]
_Name = Annotated[Text, Field(min_length=1, max_length=100)]
_Word = Annotated[Text, Field(min_length=1, max_length=50)]
_PERCENT = (ReviewKind.BAD_HISTORY, ReviewKind.DISCOUNT_OVER)
_MOST_PERCENT = 100


class ReviewRuleContent(Command):
    """One rule (see `orders.review.rules`): what it looks at, and what it then says."""

    kind: ReviewKind
    says: Says
    name_zh: _Name
    name_en: _Name
    value: _Amount = Decimal(0)
    words: Annotated[tuple[_Word, ...], Field(max_length=50)] = ()
    active: bool = True

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if (self.kind is ReviewKind.NOTE_WORDS) != bool(self.words):
            raise ValueError("words: for note_words give the words, for other kinds none")
        if self.kind in _PERCENT and self.value > _MOST_PERCENT:
            raise ValueError("value: 0 to 100 per cent")
        return self


class NewReviewRule(ReviewRuleContent):
    """A rule to enter."""


class ChangedReviewRule(ReviewRuleContent):
    """The whole content anew, made from `version`."""

    version: Version


class ReviewLimit(Command):
    """How much a role may approve, an order with all its parts; without `most_total` any total. `most_discount` is the
    most per cent that its people may take off in a quote; without it what everybody may; `most_waived` is up to how much
    of an order they may settle unpaid. `version` is None for a new limit.
    """

    most_total: _Amount | None = None
    most_beyond_credit: _Amount = Decimal(0)
    most_waived: _Amount = Decimal(0)
    most_discount: (
        Annotated[Decimal, Field(ge=0, le=_MOST_PERCENT, max_digits=5, decimal_places=2)] | None
    ) = None
    version: Version | None = None

"""Whom an invoice is made out to, and of which kind. Rule: what passes here can be issued."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from crm_core.fields import Command, Text, in_full

_TAX_NO = r"^[0-9A-Z]{15}$|^[0-9A-Z]{17,18}$|^[0-9A-Z]{20}$"
SPECIAL_NEEDS = ("tax_no", "address", "phone", "bank", "account")
"""What the buyer's title must have for a special invoice."""


class Kind(StrEnum):
    """Special (增值税专用) ones let the buyer deduct the tax; normal (普通) ones do not."""

    SPECIAL = "special"
    NORMAL = "normal"


class TitleContent(Command):
    """抬头, 税号, 地址, 电话, 开户行, 账号; a person's title has no tax number."""

    title: Annotated[Text, Field(min_length=1, max_length=100)]
    tax_no: Annotated[str, StringConstraints(pattern=_TAX_NO)] | None = None
    address: Annotated[Text, Field(min_length=1, max_length=100)] | None = None
    phone: Annotated[Text, Field(min_length=1, max_length=32), AfterValidator(in_full)] | None = (
        None
    )
    bank: Annotated[Text, Field(min_length=1, max_length=100)] | None = None
    account: Annotated[Text, Field(min_length=1, max_length=34)] | None = None
    email: Annotated[Text, Field(min_length=3, max_length=200)] | None = None


class InvoiceWish(TitleContent):
    """The invoice that is wanted of an order; an electronic one is sent to `email`."""

    kind: Kind = Kind.NORMAL
    electronic: bool = True

    @model_validator(mode="after")
    def _can_be_issued(self) -> Self:
        missing = [name for name in SPECIAL_NEEDS if getattr(self, name) is None]
        if self.kind is Kind.SPECIAL and missing:
            raise ValueError(f"a special invoice also needs {', '.join(missing)}: enter them")
        return self

"""Whom an invoice is made out to, as pages see it."""

from typing import ClassVar, TypeVar

from crm_core.rights import Right
from webui.asked import Asked, Model
from webui.present import masked_text
from webui.views import View


class BuyerItem(View):
    """The buyer as the invoice names it; `phone` is masked for those who neither issue invoices nor see numbers."""

    ENTITY = "customer"
    SAME_FIELD: ClassVar = {"address": "addresses", "phone": "phones"}

    title: str
    tax_no: str | None
    address: str | None = None
    phone: str | None = None
    bank: str | None
    account: str | None
    email: str | None = None


_BuyerT = TypeVar("_BuyerT", bound=BuyerItem)


def masked(asked: Asked[Model, Model], item: _BuyerT) -> _BuyerT:
    """The tax system asks whoever issues invoices for the buyer's number."""
    if asked.principal.may(Right.PAYMENT_MANAGE):
        return item
    phone = masked_text(item.phone, asked.principal.rights)
    return item.model_copy(update={"phone": phone})

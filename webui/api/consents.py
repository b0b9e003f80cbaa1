"""Consents to be called by campaigns: given, looked up, withdrawn.

Rule: a consent of a customer is for whoever sees the customer.
"""

from datetime import datetime

from crm_core.rights import Right
from dialer.consents.commands import ConsentQuery, NewConsent, Withdrawal
from dialer.consents.views import ConsentView
from webui.asked import Asked, Model, Nothing
from webui.present import number_of
from webui.routing import NUMBER, Route, needs
from webui.views import View


class ConsentBody(NewConsent, Model):
    """Of a number, or of a customer for all numbers; for every campaign, or one. What was said, a call or a paper proves it."""


class ConsentWithdrawal(Withdrawal, Model):
    """Why it does not hold any more."""


class ConsentSearch(ConsentQuery, Model):
    """The newest first; `over` adds those that hold no more."""


class ConsentItem(View):
    """`number` None: every number of the customer; `campaign_id` None: every campaign. `holds`: now."""

    id: int
    number: str | None
    customer_id: int | None
    campaign_id: int | None
    proof: str | None
    call_id: str | None
    reference: str | None
    given_at: datetime
    expires_at: datetime | None
    recorded_by: str | None
    recorded_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawn_why: str | None
    holds: bool


class ConsentAnswer(View):
    consent: ConsentItem


class ConsentList(View):
    items: tuple[ConsentItem, ...]


async def listed(asked: Asked[Nothing, ConsentSearch]) -> ConsentList:
    """Consents to be called, with what proves them."""
    found = await asked.services.consents.listed(asked.principal, asked.query)
    return ConsentList(items=tuple(_item(asked, each) for each in found))


async def give(asked: Asked[ConsentBody, Nothing]) -> ConsentAnswer:
    """Note that somebody agrees to be called by campaigns."""
    made = await asked.services.consents.give(asked.principal, asked.body)
    return ConsentAnswer(consent=_item(asked, made))


async def withdraw(asked: Asked[ConsentWithdrawal, Nothing]) -> ConsentAnswer:
    """A consent holds no more, from this moment on."""
    found = await asked.services.consents.withdraw(asked.principal, int(asked.id), asked.body)
    return ConsentAnswer(consent=_item(asked, found))


def _item(asked: Asked[Model, Model], view: ConsentView) -> ConsentItem:
    item = ConsentItem.model_validate(view)
    shown = number_of(view.customer_id, view.number, asked.principal)
    return item.model_copy(update={"number": shown})


_ALL = "/api/consents"
_EDIT = needs(Right.CUSTOMER_EDIT)

ROUTES = (
    Route("GET", _ALL, listed, needs(Right.CUSTOMER_VIEW), query=ConsentSearch, answer=ConsentList),
    Route("POST", _ALL, give, _EDIT, ConsentBody, answer=ConsentAnswer, status=201, once=True),
    Route(
        "POST",
        f"{_ALL}/{NUMBER}/withdraw",
        withdraw,
        _EDIT,
        ConsentWithdrawal,
        answer=ConsentAnswer,
    ),
)

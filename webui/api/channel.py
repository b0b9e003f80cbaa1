"""Levels, price policies and payment terms of the sales channel."""

from decimal import Decimal

from crm_core.customers.channel import LevelContent, PolicyContent, TermsContent
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import CODE, Route, needs
from webui.views import View


class WantedLevel(Model, LevelContent):
    """A step of the channel."""


class WantedPolicy(Model, PolicyContent):
    """What share of the list price is paid."""


class WantedTerms(Model, TermsContent):
    """When a customer pays."""


class LevelItem(View):
    code: str
    name_zh: str
    name_en: str
    rank: int
    is_vip: bool


class PolicyItem(View):
    code: str
    name_zh: str
    name_en: str
    discount: Decimal


class TermsItem(View):
    code: str
    name_zh: str
    name_en: str
    days: int
    prepaid: bool


class LevelList(View):
    items: tuple[LevelItem, ...]


class PolicyList(View):
    items: tuple[PolicyItem, ...]


class TermsList(View):
    items: tuple[TermsItem, ...]


async def levels(asked: Asked[Nothing, Nothing]) -> LevelList:
    """The steps of the channel."""
    found = await asked.services.crm.channel.levels.all()
    return LevelList(
        items=tuple(LevelItem(code=code, **each.model_dump()) for code, each in found.items())
    )


async def put_level(asked: Asked[WantedLevel, Nothing]) -> None:
    """Make or change a step."""
    await asked.services.crm.channel.levels.put(asked.principal, asked.id, asked.body)


async def remove_level(asked: Asked[Nothing, Nothing]) -> None:
    """Remove a step at which nobody stands."""
    await asked.services.crm.channel.levels.remove(asked.principal, asked.id)


async def policies(asked: Asked[Nothing, Nothing]) -> PolicyList:
    """The price policies."""
    found = await asked.services.crm.channel.price_policies.all()
    return PolicyList(
        items=tuple(PolicyItem(code=code, **each.model_dump()) for code, each in found.items())
    )


async def put_policy(asked: Asked[WantedPolicy, Nothing]) -> None:
    """Make or change a price policy."""
    await asked.services.crm.channel.price_policies.put(asked.principal, asked.id, asked.body)


async def remove_policy(asked: Asked[Nothing, Nothing]) -> None:
    """Remove a price policy that nobody has."""
    await asked.services.crm.channel.price_policies.remove(asked.principal, asked.id)


async def terms(asked: Asked[Nothing, Nothing]) -> TermsList:
    """The terms of payment."""
    found = await asked.services.crm.channel.payment_terms.all()
    return TermsList(
        items=tuple(TermsItem(code=code, **each.model_dump()) for code, each in found.items())
    )


async def put_terms(asked: Asked[WantedTerms, Nothing]) -> None:
    """Make or change terms of payment."""
    await asked.services.crm.channel.payment_terms.put(asked.principal, asked.id, asked.body)


async def remove_terms(asked: Asked[Nothing, Nothing]) -> None:
    """Remove terms of payment that nobody has."""
    await asked.services.crm.channel.payment_terms.remove(asked.principal, asked.id)


_VIEW, _MANAGE = needs(Right.CUSTOMER_VIEW), needs(Right.RULES_MANAGE)

ROUTES = (
    Route("GET", "/api/levels", levels, _VIEW, answer=LevelList),
    Route("PUT", f"/api/levels/{CODE}", put_level, _MANAGE, WantedLevel, status=204),
    Route("DELETE", f"/api/levels/{CODE}", remove_level, _MANAGE, status=204),
    Route("GET", "/api/price-policies", policies, _VIEW, answer=PolicyList),
    Route("PUT", f"/api/price-policies/{CODE}", put_policy, _MANAGE, WantedPolicy, status=204),
    Route("DELETE", f"/api/price-policies/{CODE}", remove_policy, _MANAGE, status=204),
    Route("GET", "/api/payment-terms", terms, _VIEW, answer=TermsList),
    Route("PUT", f"/api/payment-terms/{CODE}", put_terms, _MANAGE, WantedTerms, status=204),
    Route("DELETE", f"/api/payment-terms/{CODE}", remove_terms, _MANAGE, status=204),
)

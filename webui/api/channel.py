"""Levels, price policies and payment terms of the sales channel."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, TypeVar

from crm_core.customers.channel import (
    ContentT,
    Kept,
    Kinds,
    LevelContent,
    PolicyContent,
    TermsContent,
)
from crm_core.fields import Version
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import CODE, Route, needs
from webui.views import View


class _Versioned(Model):
    """Without `version` it is made, with the version that was looked at it is changed."""

    version: Version | None = None


class WantedLevel(_Versioned, LevelContent):
    """A step of the channel."""


class WantedPolicy(_Versioned, PolicyContent):
    """What share of the list price is paid."""


class WantedTerms(_Versioned, TermsContent):
    """When a customer pays."""


class LevelItem(View):
    """The terms are those of a customer who is entered there and given no other."""

    ENTITY = "customer"
    SAME_FIELD: ClassVar = {
        "price_policy_code": "price_policy",
        "payment_terms_code": "payment_terms",
    }

    code: str
    name_zh: str
    name_en: str
    rank: int
    is_vip: bool
    price_policy_code: str | None = None
    payment_terms_code: str | None = None
    credit_limit: Decimal | None = None
    version: int


class PolicyItem(View):
    code: str
    name_zh: str
    name_en: str
    discount: Decimal
    version: int


class TermsItem(View):
    code: str
    name_zh: str
    name_en: str
    days: int
    prepaid: bool
    version: int


class LevelList(View):
    items: tuple[LevelItem, ...]


class PolicyList(View):
    items: tuple[PolicyItem, ...]


class TermsList(View):
    items: tuple[TermsItem, ...]


async def levels(asked: Asked[Nothing, Nothing]) -> LevelList:
    """The steps of the channel."""
    found = await asked.services.crm.channel.levels.all()
    return LevelList(items=_items(LevelItem, found))


async def put_level(asked: Asked[WantedLevel, Nothing]) -> None:
    """Make or change a step."""
    await _put(asked, asked.services.crm.channel.levels, LevelContent)


async def remove_level(asked: Asked[Nothing, Nothing]) -> None:
    """Remove a step at which nobody stands."""
    await asked.services.crm.channel.levels.remove(asked.principal, asked.id)


async def policies(asked: Asked[Nothing, Nothing]) -> PolicyList:
    """The price policies."""
    found = await asked.services.crm.channel.price_policies.all()
    return PolicyList(items=_items(PolicyItem, found))


async def put_policy(asked: Asked[WantedPolicy, Nothing]) -> None:
    """Make or change a price policy."""
    await _put(asked, asked.services.crm.channel.price_policies, PolicyContent)


async def remove_policy(asked: Asked[Nothing, Nothing]) -> None:
    """Remove a price policy that nobody has."""
    await asked.services.crm.channel.price_policies.remove(asked.principal, asked.id)


async def terms(asked: Asked[Nothing, Nothing]) -> TermsList:
    """The terms of payment."""
    found = await asked.services.crm.channel.payment_terms.all()
    return TermsList(items=_items(TermsItem, found))


async def put_terms(asked: Asked[WantedTerms, Nothing]) -> None:
    """Make or change terms of payment."""
    await _put(asked, asked.services.crm.channel.payment_terms, TermsContent)


async def remove_terms(asked: Asked[Nothing, Nothing]) -> None:
    """Remove terms of payment that nobody has."""
    await asked.services.crm.channel.payment_terms.remove(asked.principal, asked.id)


ItemT = TypeVar("ItemT", LevelItem, PolicyItem, TermsItem)


def _items(item: type[ItemT], found: Mapping[str, Kept[Any]]) -> tuple[ItemT, ...]:
    return tuple(
        item(code=code, version=each.version, **each.content.model_dump())
        for code, each in found.items()
    )


async def _put(asked: Asked[Any, Nothing], kinds: Kinds[ContentT], content: type[ContentT]) -> None:
    body = asked.body
    wanted = content.model_validate(body.model_dump(exclude={"version"}))
    await kinds.put(asked.principal, asked.id, wanted, body.version)


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

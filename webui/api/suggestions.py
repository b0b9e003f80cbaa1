"""What else a customer may want, computed from past orders."""

from typing import Annotated

from pydantic import Field

from crm_core.fields import Id
from crm_core.rights import Right
from orders.lines import MOST_LINES
from webui.api.products import ProductItem, WantedLine
from webui.asked import Asked, Model, Nothing
from webui.routing import Route, needs
from webui.views import ReasonView, View


class Basket(Model):
    customer_id: Id
    lines: Annotated[tuple[WantedLine, ...], Field(max_length=MOST_LINES)] = ()


class SuggestionItem(View):
    product: ProductItem
    score: float
    why: tuple[ReasonView, ...]


class SuggestionList(View):
    items: tuple[SuggestionItem, ...]


async def suggest(asked: Asked[Basket, Nothing]) -> SuggestionList:
    """Goods that go with these, and those that the customer usually buys by now; the best first."""
    body = asked.body
    found = await asked.services.trade.suggestions.suggest(
        asked.principal, body.customer_id, tuple(line.line() for line in body.lines)
    )
    return SuggestionList(items=tuple(map(SuggestionItem.model_validate, found)))


ROUTES = (
    Route(
        "POST",
        "/api/suggestions",
        suggest,
        needs(Right.ORDER_PLACE),
        Basket,
        answer=SuggestionList,
    ),
)

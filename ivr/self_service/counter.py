"""Where callers serve themselves: who they are, and the services that agents use as well."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from crm_core.customers.service import CustomerService
from crm_core.notices.service import NoticeService
from crm_core.pins.service import PinService
from crm_core.rights import Caller, Right
from ivr.ports import Refusals
from ivr.self_service.keypad import Keypad
from orders.sales.assortment import Span
from orders.sales.views import ProductView
from orders.services import Trade

CALLER = Caller(
    rights=frozenset(
        {Right.CUSTOMER_VIEW, Right.DELIVERY_VIEW, Right.ORDER_PLACE, Right.ORDER_VIEW}
    )
)
MOST_CODE_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Terms:
    """What is told of the assortment."""

    best_sellers: Span
    new_products: Span


@dataclass(slots=True)
class Visitor:
    """Whom a call serves: `customer_id` None is somebody unknown; `proved` is who has given the PIN in this call."""

    number: str | None
    customer_id: int | None
    proved: bool = False


@dataclass(frozen=True, slots=True)
class Counter:
    """One service for one caller. `pin` is what the key says of it, `medium` what the number called names; `recognised`
    is told when somebody unknown has proved to be a customer.
    """

    keypad: Keypad
    trade: Trade
    customers: CustomerService
    notices: NoticeService
    pins: PinService
    refusals: Refusals
    terms: Terms
    visitor: Visitor
    pin: bool | None
    recognised: Callable[[int], Awaitable[None]]
    call_id: str
    medium: str | None
    clock: Callable[[], datetime]
    zone: tzinfo

    @property
    def customer_id(self) -> int | None:
        return self.visitor.customer_id

    def day(self, moment: datetime) -> tuple[str, ...]:
        """The day of a moment as prompts, by the company's clock."""
        days = (each.astimezone(self.zone).date() for each in (moment, self.clock()))
        return self.keypad.speaker.day(*days)

    async def ask_for_product(self) -> ProductView | None:
        """The product whose code the caller presses, with this customer's own price; None when it is given up."""
        for _ in range(3):
            typed = await self.keypad.digits(
                ("product_code",), name="product_code", most=MOST_CODE_DIGITS
            )
            if typed is None:
                return None
            found = await self._product(typed) if typed else None
            if found is not None:
                return found
            await self.keypad.say("product_unknown")
        return None

    async def name(self, product: ProductView) -> tuple[str, ...]:
        """The product's name as prompts; its code when the name cannot be spoken."""
        return await self.spoken_name(product) or self.keypad.speaker.code(product.sku)

    async def spoken_name(self, product: ProductView) -> tuple[str, ...]:
        """Nothing when it cannot be spoken."""
        text = product.name_zh if self.keypad.language == "zh" else product.name_en
        said = await self.keypad.name_of(f"product_{product.sku}", text)
        return (said,) if said else ()

    async def product(self, sku: str) -> ProductView | None:
        """As this customer sees it; None when it is not on sale."""
        found = await self.trade.orders.products(CALLER, sku, self.customer_id, limit=20)
        return next((each for each in found if each.sku == sku), None)

    async def _product(self, typed: str) -> ProductView | None:
        sku = await self.trade.catalogue.by_keys(CALLER, typed)
        return None if sku is None else await self.product(sku)

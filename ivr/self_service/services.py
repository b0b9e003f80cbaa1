"""The services that a key of a menu may lead to.

Rule: what shows a customer's own money asks for the PIN whatever the menu says, ordering unless the menu says that it
does not; what is a customer's own asks who the caller is.
"""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

import structlog

from crm_core.errors import DomainError
from ivr.menu import PROVED, Service
from ivr.self_service.account import tell_of_credit
from ivr.self_service.assortment import tell_of_best_sellers, tell_of_new_products
from ivr.self_service.counter import Counter
from ivr.self_service.notices import tell_of_notices
from ivr.self_service.order_status import tell_of_orders
from ivr.self_service.ordering import order
from ivr.self_service.products import tell_of_products
from ivr.self_service.proof import change_pin, is_customer, is_proved
from ivr.self_service.refusing import refuse_calls
from ivr.self_service.rules import tell_of_rules

log = structlog.get_logger(__name__)

_SERVICES: Mapping[Service, Callable[[Counter], Awaitable[None]]] = MappingProxyType(
    {
        "products": tell_of_products,
        "order": order,
        "order_status": tell_of_orders,
        "best_sellers": tell_of_best_sellers,
        "new_products": tell_of_new_products,
        "rules": tell_of_rules,
        "notices": tell_of_notices,
        "credit": tell_of_credit,
        "pin": change_pin,
        "refuse_calls": refuse_calls,
    }
)
_OF_CUSTOMERS: frozenset[Service] = frozenset({"rules", "notices"})


async def serve(service: Service, counter: Counter) -> None:
    """One service to its end; when it cannot be had, the caller hears that."""
    try:
        if await _is_served(service, counter):
            await _SERVICES[service](counter)
    except DomainError as error:
        log.warning("self_service_unavailable", service=service, code=error.code, error=str(error))
        await counter.keypad.say("try_later")


async def _is_served(service: Service, counter: Counter) -> bool:
    if counter.pin or service in PROVED:
        return await is_proved(counter)
    if service not in _OF_CUSTOMERS or await is_customer(counter):
        return True
    await counter.keypad.say("customers_only")
    return False

"""What customers are told of the statuses that their orders reach. Rule: the table of `orders.sales.flow` says which
moves are told, the words' own list (`ORDER_WORDS.told`) which kinds a business has to switch on first.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal

from crm_core.outbox import messages
from crm_core.outbox.messages import Contact, NewMessage
from orders.sales.wording import ORDER_WORDS

_IN_BOTH = ("courier",)


def kind_of(status: str) -> str:
    return f"order_{status}"


def is_told(status: str) -> bool:
    """Whether it is told unless the business chose otherwise."""
    return ORDER_WORDS.told[kind_of(status)]


def of_status(
    status: str,
    total: Decimal,
    contact: Contact,
    channels: Collection[str],
    facts: Mapping[str, str],
) -> tuple[NewMessage, ...]:
    """`facts`: number, reason, date, waybill, and courier_zh and courier_en, of which the customer hears one."""
    language = "en" if contact.language.startswith("en") else "zh"
    params = {"total": str(total)}
    for name, value in facts.items():
        what, _, of = name.rpartition("_")
        if what not in _IN_BOTH:
            params[name] = value
        elif of == language:
            params[what] = value
    return messages.messages(kind_of(status), contact, channels, params, told=is_told(status))

"""Which field of a record tells what stands in another one.

Rule: who may not see a field sees nothing that gives it away either, wherever it stands: in an answer, in
a search, in a file, in the audit trail. A field stands under its entity; `customer.custom` holds
`customer.custom.size`.
"""

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

GIVES_AWAY: Mapping[str, tuple[str, ...]] = {
    "customer.above": ("customer.parent",),
    "customer.address": ("customer.addresses",),
    "customer.address_phones": ("customer.addresses", "customer.phones"),
    "customer.birthday_month": ("customer.birthday",),
    "customer.contact": ("customer.contacts",),
    "customer.credit_available": ("customer.credit_limit", "customer.credit_used"),
    "customer.grade": ("customer.insight",),
    "customer.last_contact": ("customer.insight",),
    "customer.last_order": ("customer.insight", "customer.last_orders"),
    "customer.level_code": ("customer.level",),
    "customer.overdue_entered": ("customer.credit_overdue",),
    "customer.parent_id": ("customer.parent",),
    "customer.payment_terms_code": ("customer.payment_terms",),
    "customer.phone": ("customer.phones",),
    "customer.price_policy_code": ("customer.price_policy",),
    "customer.salesperson_id": ("customer.salesperson",),
    "customer.segment": ("customer.insight",),
    "customer.under": ("customer.parent",),
    "customer.unit": ("customer.salesperson",),
    "customer.warning": (
        "customer.insight",
        "customer.credit_limit",
        "customer.credit_used",
        "customer.credit_overdue",
    ),
    "dealer_application.city": ("customer.city", "customer.territories"),
    "dealer_application.level_code": ("customer.level",),
    "dealer_application.note": ("customer.note",),
    "dealer_application.phone": ("customer.phones",),
    "dealer_application.province": ("customer.province", "customer.territories"),
    "lead.city": ("customer.city",),
    "lead.known_as": ("lead.phone", "customer.phones"),
    "lead.phone": ("customer.phones",),
    "lead.province": ("customer.province",),
    "lead.suggestions": ("lead.province", "lead.city", "customer.territories"),
    "order.address": ("customer.addresses",),
    "order.cost": ("order.margin",),
    "order.invoice": ("customer.addresses", "customer.email", "customer.phones"),
    "order.lines": ("order.discount",),
    "order.margin": ("order.cost",),
}
"""A field, under any name it has anywhere, and the fields whose value can be told from it."""


def is_hidden(name: str, hidden: Collection[str]) -> bool:
    """Whether a field such as `customer.unit` is hidden, by itself or because it gives one away."""
    return bool(hidden) and not _told_by(name).isdisjoint(hidden)


def entities(hidden: Collection[str]) -> frozenset[str]:
    """The records in which a hidden field stands, or one that gives it away."""
    names = (*hidden, *(name for name in GIVES_AWAY if is_hidden(name, hidden)))
    return frozenset(name.partition(".")[0] for name in names)


def parts(name: str) -> Iterator[str]:
    """The field and those it is a part of: `customer.custom.size`, `customer.custom`."""
    yield name
    while name.count(".") > 1:
        name = name.rpartition(".")[0]
        yield name


@lru_cache(maxsize=4096)
def _told_by(name: str) -> frozenset[str]:
    """All that can be told from a field, beginning with itself."""
    told: set[str] = set()
    more = [name]
    while more:
        found = set(parts(more.pop())) - told
        told |= found
        more += [given for each in found for given in GIVES_AWAY.get(each, ())]
    return frozenset(told)

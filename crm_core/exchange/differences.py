"""What of a row is not so yet in the record that it means, as a change of that record.

Rule: pure; a file adds to lists and never takes away from them, and of an entry that is there only what the row
says changes. A row that names a merged record fills only what the record it became part of has empty.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from crm_core.customers.card_views import Address, Contact, CustomerCard, address_line, recorded
from crm_core.customers.fields import AddressEntry, ContactEntry, CustomerFields
from crm_core.exchange.columns import in_a_line, in_brackets
from crm_core.exchange.matching import Above
from crm_core.exchange.records import Record

PLAIN = (
    "code", "name", "level_code", "area_code", "province", "city",
    "price_policy_code", "payment_terms_code", "credit_limit", "overdue_entered",
    "salesperson_id", "email", "fax", "wecom", "wecom_group", "told_by", "language", "opt_outs",
    "birthday", "anniversary", "note",
)  # fmt: skip
# A new record has these whatever the file says, so that they are never empty.
_NEVER_EMPTY = frozenset({"level_code", "price_policy_code", "credit_limit", "overdue_entered"})


def differing(
    card: CustomerCard, record: Record, above: Above | None, *, only_empty: bool
) -> dict[str, Any]:
    """`above`: whom the row names above the customer; `only_empty`: the row named a merged record."""
    fields = record.fields
    now = recorded(card, (name for name in PLAIN if name in fields.model_fields_set))
    change = {
        name: getattr(fields, name) for name, was in now.items() if getattr(fields, name) != was
    }
    custom: dict[str, Any] = {each.code: each.value for each in card.custom}
    differs = {
        code: value for code, value in fields.custom.items() if not _same(custom.get(code), value)
    }
    if only_empty:
        change = {
            name: value
            for name, value in change.items()
            if now[name] is None and name not in _NEVER_EMPTY and name != "code"
        }
        differs = {code: value for code, value in differs.items() if code not in custom}
    elif above is not None and above.id != card.parent_id:
        change["parent_id"] = above.id
    lists = {
        "phones": _phones(card, fields),
        "addresses": _addresses(card, record),
        "contacts": _contacts(card, fields),
        "territories": _territories(card, fields),
        "custom": differs,
    }
    return change | {name: value for name, value in lists.items() if value}


def _same(was: object, value: object) -> bool:
    """Amounts are the same whatever noughts follow the point."""
    if isinstance(was, Decimal) and not isinstance(value, str | bool):
        return was == value
    return str(was) == str(value)


def _phones(card: CustomerCard, fields: CustomerFields) -> list[dict[str, Any]]:
    labels: dict[str, str | None] = {}
    for entry in fields.phones:
        labels.setdefault(entry.number or "", entry.label)
    kept: list[dict[str, Any]] = []
    for each in card.phones:
        label = labels.pop(each.number, None)
        differs = label is not None and label not in (each.label, in_brackets(each.label or ""))
        kept.append({"id": each.id} | ({"label": label} if differs else {}))
    added = [{"number": number, "label": label} for number, label in labels.items()]
    return [*kept, *added] if added or any("label" in each for each in kept) else []


def _addresses(card: CustomerCard, record: Record) -> list[dict[str, Any]]:
    """The row's main address comes first, its others stand where they stood or come last."""
    left = list(card.addresses)
    merged: list[dict[str, Any]] = []
    first: list[dict[str, Any]] = []
    for place, entry in enumerate(record.fields.addresses):
        known = next((each for each in left if _lines(each) & _lines(entry)), None)
        if known is not None:
            left.remove(known)
        into = first if place == 0 and record.main_address else merged
        into.append(_entry(known, entry, "detail"))
    return _unless_same(
        [*first, *_in_order(card.addresses, left, merged, "detail")], card.addresses
    )


def _contacts(card: CustomerCard, fields: CustomerFields) -> list[dict[str, Any]]:
    left = list(card.contacts)
    merged: list[dict[str, Any]] = []
    for entry in fields.contacts:
        known = next((each for each in left if each.name == entry.name), None)
        if known is not None:
            left.remove(known)
        merged.append(_entry(known, entry, "name"))
    return _unless_same(_in_order(card.contacts, left, merged, "name"), card.contacts)


def _entry(
    known: Address | Contact | None, entry: AddressEntry | ContactEntry, essential: str
) -> dict[str, Any]:
    given = entry.model_dump(exclude_unset=True)
    if known is None:
        return given
    differs = {
        name: value
        for name, value in given.items()
        if name != essential and not _same_part(getattr(known, name), value)
    }
    return {"id": known.id, essential: getattr(known, essential)} | differs


def _same_part(was: object, value: object) -> bool:
    """Also when a file cannot write it as it is."""
    return was == value or (isinstance(was, str) and in_a_line(was) == value)


def _in_order(
    there: Iterable[Address | Contact],
    left: Iterable[Address | Contact],
    merged: list[dict[str, Any]],
    essential: str,
) -> list[dict[str, Any]]:
    """Entries that are there as they stood, then those that come."""
    by_id = {each["id"]: each for each in merged if "id" in each}
    by_id |= {each.id: {"id": each.id, essential: getattr(each, essential)} for each in left}
    stay = [by_id[each.id] for each in there if each.id in by_id]
    return [*stay, *(each for each in merged if "id" not in each)]


def _unless_same(
    wanted: list[dict[str, Any]], there: tuple[Address, ...] | tuple[Contact, ...]
) -> list[dict[str, Any]]:
    """Nothing, when this changes nothing: each entry is there, in this order, with nothing to change."""
    same = [each.get("id") for each in wanted] == [each.id for each in there]
    return [] if same and all(len(each) == 2 for each in wanted) else wanted  # noqa: PLR2004


def _lines(address: Address | AddressEntry) -> set[str]:
    """The ways in which a file may write an address."""
    line = address_line(address.province, address.city, address.district, address.detail)
    return {address.detail, line}


def _territories(card: CustomerCard, fields: CustomerFields) -> list[dict[str, Any]]:
    there = [(each.province, each.city) for each in card.territories]
    added = [(e.province, e.city) for e in fields.territories if (e.province, e.city) not in there]
    every = dict.fromkeys([*there, *added]) if added else {}
    return [{"province": province, "city": city} for province, city in every]

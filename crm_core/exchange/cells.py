"""What stands in a column for a customer.

Rule: the names of the columns are those that imports know; numbers that a person may not see are masked here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import attrgetter

from crm_core.customers.card_views import Address, Contact, CustomerCard, Phone
from crm_core.exchange.columns import OF_MAIN_ADDRESS, in_a_line, in_brackets
from crm_core.exchange.files import Value
from crm_core.exchange.values import CHANNELS_ZH, WAYS_ZH
from crm_core.numbers import shown

Read = Callable[[CustomerCard], Value]
_Shown = Callable[[str], str]


def holds_numbers(name: str) -> bool:
    """Whether telephone numbers, or what is masked like them, stand in a column."""
    return name in _WITH_NUMBERS or name == "address_phone"


def reader(name: str, *, unmasked: bool) -> Read:
    """The way in which a column is read off a record."""
    show = partial(shown, unmasked=unmasked)
    if name.startswith("custom."):
        return partial(_custom, name.removeprefix("custom."))
    if name in OF_MAIN_ADDRESS:
        return partial(_of_main_address, OF_MAIN_ADDRESS[name], show)
    if name in _WITH_NUMBERS:
        return partial(_WITH_NUMBERS[name], show)
    return _SPECIAL[name] if name in _SPECIAL else attrgetter(name)


def _of_main_address(part: str, show: _Shown, card: CustomerCard) -> Value:
    found: str | None = getattr(card.addresses[0], part) if card.addresses else None
    return show(found) if found and part == "phone" else found


def _phones(show: _Shown, card: CustomerCard) -> Value:
    return "、".join(_phone(show, each) for each in card.phones)


def _phone(show: _Shown, phone: Phone) -> str:
    number = show(phone.number)
    return f"{number}（{in_brackets(phone.label)}）" if phone.label else number


def _more_addresses(show: _Shown, card: CustomerCard) -> Value:
    return _lines(_parts(show, each) for each in card.addresses[1:])


def _parts(show: _Shown, address: Address) -> Sequence[str | None]:
    phone = address.phone and show(address.phone)
    return address.line, address.recipient, phone, address.label, address.postcode


def _contact_details(card: CustomerCard) -> Value:
    told = (each for each in card.contacts if _has_details(each))
    return _lines((k.name, k.position, k.email, str(k.birthday or ""), k.note) for k in told)


def _has_details(contact: Contact) -> bool:
    return any((contact.position, contact.email, contact.birthday, contact.note))


def _territories(card: CustomerCard) -> Value:
    return "、".join(
        "-".join(filter(None, (each.province, each.city))) for each in card.territories
    )


def _lines(entries: Iterable[Sequence[str | None]]) -> str:
    """A line for each entry, in the parts that `columns` names."""
    return "\n".join(
        " | ".join(in_a_line(part or "") for part in parts).rstrip(" |") for parts in entries
    )


def _told_by(channels: Sequence[str] | None) -> Value:
    """Empty for who has made no choice, which is another thing than by none."""
    if channels is None:
        return None
    return "、".join(CHANNELS_ZH[each] for each in channels) or "无"


def _custom(code: str, card: CustomerCard) -> Value:
    for each in card.custom:
        if each.code == code:
            if isinstance(each.value, bool):
                return "是" if each.value else "否"
            return "、".join(each.value) if isinstance(each.value, tuple) else each.value
    return None


_WITH_NUMBERS: Mapping[str, Callable[[_Shown, CustomerCard], Value]] = {
    "phones": _phones,
    "fax": lambda show, card: card.fax and show(card.fax),
    "wecom_group": lambda show, card: card.wecom_group and show(card.wecom_group),
    "more_addresses": _more_addresses,
}
_SPECIAL: Mapping[str, Read] = {
    "level": lambda card: card.level.name_zh,
    "parent": lambda card: card.parent_name,
    "salesperson": lambda card: card.salesperson.name if card.salesperson else None,
    "territories": _territories,
    "contact": lambda card: "、".join(contact.name for contact in card.contacts),
    "contact_details": _contact_details,
    "price_policy": lambda card: card.price_policy.name_zh,
    "told_by": lambda card: _told_by(card.told_by),
    "opt_outs": lambda card: "、".join(WAYS_ZH[each] for each in card.opt_outs) or None,
    "payment_terms": lambda card: card.payment_terms.name_zh if card.payment_terms else None,
}

"""The customer's record as the rest of the house sees it. Rule: frozen; the main entry of a list is first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class LevelView:
    code: str
    name_zh: str
    name_en: str
    is_vip: bool


@dataclass(frozen=True, slots=True)
class PricePolicyView:
    code: str
    name_zh: str
    name_en: str
    discount: Decimal


@dataclass(frozen=True, slots=True)
class PaymentTermsView:
    code: str
    name_zh: str
    name_en: str
    days: int
    prepaid: bool


@dataclass(frozen=True, slots=True)
class Salesperson:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Phone:
    """`id` names the number for those who may dial it without seeing it."""

    id: int
    number: str
    is_main: bool
    label: str | None
    contact_id: int | None


@dataclass(frozen=True, slots=True)
class Contact:
    """A person at the customer."""

    id: int
    name: str
    position: str | None
    email: str | None
    birthday: date | None
    note: str | None


def address_line(province: str | None, city: str | None, district: str | None, detail: str) -> str:
    """Province, city and district before the detail, unless it begins with them already."""
    place = "".join(dict.fromkeys(filter(None, (province, city, district))))
    return detail if detail.startswith(place) else place + detail


@dataclass(frozen=True, slots=True)
class Address:
    id: int
    is_main: bool
    label: str | None
    recipient: str | None
    phone: str | None
    province: str | None
    city: str | None
    district: str | None
    detail: str
    postcode: str | None

    @property
    def line(self) -> str:
        return address_line(self.province, self.city, self.district, self.detail)


@dataclass(frozen=True, slots=True)
class TerritoryView:
    """Without `city` the whole province."""

    province: str
    city: str | None


CustomOutput = str | Decimal | date | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CustomView:
    """The value of a field that the business added."""

    code: str
    label_zh: str
    label_en: str
    type: str
    value: CustomOutput


@dataclass(frozen=True, slots=True)
class Above:
    """Somebody higher in the channel."""

    id: int
    name: str
    level_code: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerCard:
    """Everything in a customer's record; `above` begins next to the company."""

    id: int
    code: str | None
    name: str
    level: LevelView
    price_policy: PricePolicyView
    payment_terms: PaymentTermsView | None
    credit_limit: Decimal
    credit_used: Decimal
    credit_overdue: Decimal
    overdue_entered: Decimal
    salesperson: Salesperson | None
    email: str | None
    fax: str | None
    wecom: str | None
    wecom_group: str | None
    told_by: tuple[str, ...] | None
    language: str | None
    opt_outs: tuple[str, ...]
    birthday: date | None
    anniversary: date | None
    note: str | None
    area_code: str | None
    province: str | None
    city: str | None
    above: tuple[Above, ...]
    phones: tuple[Phone, ...]
    addresses: tuple[Address, ...]
    contacts: tuple[Contact, ...]
    territories: tuple[TerritoryView, ...]
    custom: tuple[CustomView, ...]
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def credit_available(self) -> Decimal:
        return self.credit_limit - self.credit_used

    @property
    def address(self) -> str | None:
        """The main address in one line."""
        return self.addresses[0].line if self.addresses else None

    @property
    def parent_id(self) -> int | None:
        return self.above[-1].id if self.above else None

    @property
    def parent_code(self) -> str | None:
        return self.above[-1].code if self.above else None

    @property
    def parent_name(self) -> str | None:
        return self.above[-1].name if self.above else None


def custom_value(kind: str, values: Iterable[str]) -> CustomOutput:
    """A custom value from the texts in which JSON carries its rows."""
    texts = tuple(values)
    match kind:
        case "number":
            return Decimal(texts[0])
        case "yes_no":
            return Decimal(texts[0]) != 0
        case "date":
            return date.fromisoformat(texts[0])
        case "choices":
            return texts
        case _:
            return texts[0]


def recorded(card: CustomerCard, names: Iterable[str]) -> dict[str, object]:
    """The fields of these names (as in `CustomerFields`) as the audit trail keeps them."""
    known: Mapping[str, object] = {
        "level_code": card.level.code,
        "price_policy_code": card.price_policy.code,
        "payment_terms_code": card.payment_terms.code if card.payment_terms else None,
        "salesperson_id": card.salesperson.id if card.salesperson else None,
        "phones": [each.number for each in card.phones],
        "addresses": [each.line for each in card.addresses],
        "contacts": [each.name for each in card.contacts],
        "territories": [f"{each.province}{each.city or ''}" for each in card.territories],
        "custom": {each.code: each.value for each in card.custom},
    }
    return {name: known[name] if name in known else getattr(card, name) for name in sorted(names)}

"""The price of a line, explained. Rule: pure and exact; every step that changed the price is a reason.

List price → price of the customer's level, when the product has one → discount of the customer's
price policy → rounded half up to the fen. The unit price is rounded, not the line, so that unit price
times quantity is the line's total to the fen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

FEN = Decimal("0.01")
NO_DISCOUNT = Decimal(1)


@dataclass(frozen=True, slots=True)
class Reason:
    """A code that screens translate, and what goes into the sentence."""

    code: str
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CustomerTerms:
    """`factor` is what the policy leaves of a price: 0.95 takes five per cent off."""

    level_code: str | None = None
    policy_code: str | None = None
    factor: Decimal = NO_DISCOUNT


@dataclass(frozen=True, slots=True)
class ListedProduct:
    """`level_price` is the product's price for the customer's level, None when it has none."""

    sku: str
    list_price: Decimal
    level_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class UnitPrice:
    amount: Decimal
    why: tuple[Reason, ...]


def unit_price(product: ListedProduct, terms: CustomerTerms) -> UnitPrice:
    """What one unit costs this customer, in yuan with two places."""
    why = [Reason("list_price", {"amount": str(product.list_price)})]
    exact = product.list_price
    if product.level_price is not None:
        exact = product.level_price
        level = terms.level_code or ""
        why.append(Reason("level_price", {"level": level, "amount": str(exact)}))
    if terms.factor != NO_DISCOUNT:
        exact *= terms.factor
        policy = terms.policy_code or ""
        why.append(Reason("policy_discount", {"policy": policy, "factor": f"{terms.factor:f}"}))
    amount = to_fen(exact)
    if amount != exact:
        why.append(Reason("rounded", {"exact": f"{exact.normalize():f}", "amount": str(amount)}))
    return UnitPrice(amount, tuple(why))


def line_total(price: Decimal, quantity: int) -> Decimal:
    return to_fen(price * quantity)


def order_total(line_totals: Iterable[Decimal]) -> Decimal:
    return to_fen(sum(line_totals, Decimal(0)))


def to_fen(amount: Decimal) -> Decimal:
    """Two places; half a fen goes up."""
    return amount.quantize(FEN, rounding=ROUND_HALF_UP)

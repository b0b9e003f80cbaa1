"""The price of one ordered unit, explained. Rule: pure and exact; every step that changed the price is a
reason.

List price (of the pack, or of its base units) → the price agreed with the customer or its level → the
customer's price policy, except on a price that was agreed with this very customer → promotions, not
below the product's floor price → rounded half up to the fen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from orders.money import to_fen
from orders.pricing import rules
from orders.pricing.rules import Buyer, Rule, RuleKind
from orders.reasons import Reason

NO_DISCOUNT = Decimal(1)


@dataclass(frozen=True, slots=True)
class CustomerTerms:
    """`factor` is what the policy leaves of a price: 0.95 takes five per cent off."""

    level_code: str | None = None
    policy_code: str | None = None
    factor: Decimal = NO_DISCOUNT


@dataclass(frozen=True, slots=True)
class PricedProduct:
    """A product as it is ordered: in a `unit` of `factor` base units (None and 1: the base unit).

    `list_price` and `floor_price` are for one base unit, `pack_price` for one pack, if it has its own.
    """

    sku: str
    list_price: Decimal
    floor_price: Decimal | None = None
    unit: str | None = None
    factor: int = 1
    pack_price: Decimal | None = None
    rules: Sequence[Rule] = ()

    @property
    def listed(self) -> Decimal:
        """The list price of one ordered unit."""
        return self.list_price * self.factor if self.pack_price is None else self.pack_price


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """Of one ordered unit, in yuan with two places."""

    amount: Decimal
    why: tuple[Reason, ...]


@dataclass
class _Steps:
    """The exact price on its way, and why."""

    exact: Decimal
    why: list[Reason] = field(default_factory=list)

    def take(self, exact: Decimal, code: str, params: dict[str, str]) -> None:
        self.exact = exact
        self.why.append(Reason(code, params))


def unit_price(product: PricedProduct, terms: CustomerTerms, quantity: int = 1) -> UnitPrice:
    """What one ordered unit costs when `quantity` base units are ordered in all."""
    steps = _Steps(product.listed, [listed(product)])
    agreed = rules.agreed_price(product.rules, product.unit, quantity)
    if agreed is not None:
        _agree(steps, agreed, terms, product.factor)
    own = agreed is not None and agreed.buyer is Buyer.CUSTOMER
    if terms.factor != NO_DISCOUNT and not own:
        policy = terms.policy_code or ""
        factor = f"{terms.factor:f}"
        steps.take(
            steps.exact * terms.factor, "policy_discount", {"policy": policy, "factor": factor}
        )
    _promote(steps, product, quantity)
    amount = to_fen(steps.exact)
    if amount != steps.exact:
        exact = f"{steps.exact.normalize():f}"
        steps.why.append(Reason("rounded", {"exact": exact, "amount": str(amount)}))
    return UnitPrice(amount, tuple(steps.why))


def listed(product: PricedProduct) -> Reason:
    """Where every price begins."""
    return Reason("list_price", {"amount": str(product.listed)})


_AGREED = {Buyer.CUSTOMER: "customer_price", Buyer.LEVEL: "level_price", Buyer.ALL: "price_list"}


def _agree(steps: _Steps, rule: Rule, terms: CustomerTerms, factor: int) -> None:
    amount = rule.amount(factor)
    params = {"amount": str(amount)}
    if rule.buyer is Buyer.LEVEL:
        params = {"level": terms.level_code or ""} | params
    if rule.min_quantity > 1:
        params["from"] = str(rule.min_quantity)
    steps.take(amount, _AGREED[rule.buyer], params)


def _promote(steps: _Steps, product: PricedProduct, quantity: int) -> None:
    before = steps.exact
    for rule in rules.promotions(
        product.rules, product.unit, quantity, steps.exact, product.factor
    ):
        less = rules.reduced(rule, steps.exact, product.factor)
        if less < steps.exact:
            steps.take(less, str(rule.kind), named(rule) | {"value": f"{rule.value:f}"})
    if product.floor_price is None:
        return
    floor = min(product.floor_price * product.factor, before)
    if steps.exact < floor:
        steps.take(floor, "floor_price", {"amount": str(floor)})


def named(rule: Rule) -> dict[str, str]:
    """What a reason tells of a rule."""
    told = {"rule": str(rule.id), "name_zh": rule.name_zh or "", "name_en": rule.name_en or ""}
    if rule.min_quantity > 1 and rule.kind is not RuleKind.FREE_GOODS:
        told["from"] = str(rule.min_quantity)
    return told

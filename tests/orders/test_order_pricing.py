"""The price of one unit and the rules that make it: pure, exact, the same in whatever order they come."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from orders.money import FEN, line_total, to_fen, total_of
from orders.pricing import rules
from orders.pricing.price import CustomerTerms, PricedProduct, unit_price
from orders.pricing.rules import Buyer, Rule, RuleKind

amounts = st.decimals(min_value=0, max_value=999_999, places=2)
factors = st.decimals(min_value=Decimal("0.0001"), max_value=1, places=4)
quantities = st.integers(1, 100_000)
NOBODY = CustomerTerms()


@st.composite
def a_rule(draw, kinds=tuple(RuleKind)) -> Rule:
    kind = draw(st.sampled_from(kinds))
    percent = kind in (RuleKind.PERCENT_OFF, RuleKind.ORDER_PERCENT_OFF)
    free = kind is RuleKind.FREE_GOODS
    return Rule(
        id=draw(st.integers(1, 10**6)),
        kind=kind,
        buyer=draw(st.sampled_from(Buyer)),
        value=draw(st.decimals(0, 100 if percent else 5000, places=2)),
        unit=draw(st.sampled_from([None, "箱", "瓶"])),
        min_quantity=draw(st.integers(1, 50)),
        min_total=draw(st.none() | st.decimals(0, 10_000, places=2)),
        free_sku=draw(st.sampled_from([None, "B", "C"])) if free else None,
        free_quantity=draw(st.integers(1, 5)) if free else 0,
        free_most=draw(st.none() | st.integers(1, 20)) if free else None,
        stackable=draw(st.booleans()),
        priority=draw(st.integers(-2, 2)),
    )


def some_rules(*kinds: RuleKind):
    kinds = kinds or tuple(RuleKind)
    return st.lists(a_rule(kinds), max_size=8, unique_by=lambda rule: rule.id)


def product(listed, *own_rules, floor=None, unit="瓶", factor=1, pack_price=None):
    return PricedProduct("A", listed, floor, unit, factor, pack_price, own_rules)


def price_rule(value, buyer=Buyer.LEVEL, number=1, **more):
    return Rule(number, RuleKind.PRICE, buyer, Decimal(value), **more)


def codes(price):
    return [why.code for why in price.why]


def test_a_level_price_replaces_the_list_price_and_the_policy_comes_off_it():
    terms = CustomerTerms("agent", "p95", Decimal("0.95"))
    price = unit_price(product(Decimal("10.00"), price_rule("8.99")), terms)
    assert price.amount == Decimal("8.54")
    assert codes(price) == ["list_price", "level_price", "policy_discount", "rounded"]
    assert price.why[1].params == {"level": "agent", "amount": "8.99"}
    assert price.why[3].params == {"exact": "8.5405", "amount": "8.54"}


def test_half_a_fen_goes_up():
    terms = CustomerTerms(None, "half", Decimal("0.5"))
    assert unit_price(product(Decimal("0.25")), terms).amount == Decimal("0.13")
    assert to_fen(Decimal("1.005")) == Decimal("1.01")


def test_a_customer_without_terms_pays_the_list_price_and_hears_only_that():
    price = unit_price(product(Decimal("62.50")), NOBODY)
    assert price.amount == Decimal("62.50")
    assert codes(price) == ["list_price"]


def test_a_price_agreed_with_the_customer_is_the_nearest_and_final():
    terms = CustomerTerms("agent", "p95", Decimal("0.95"))
    everybody = price_rule("5", Buyer.ALL, 1)
    level = price_rule("8", Buyer.LEVEL, 2)
    own = price_rule("9", Buyer.CUSTOMER, 3)
    price = unit_price(product(Decimal(10), everybody, level, own), terms)
    assert price.amount == Decimal(9)
    assert codes(price) == ["list_price", "customer_price"]


def test_the_largest_quantity_reached_counts():
    steps = [
        price_rule(value, number=least, min_quantity=least)
        for value, least in (("10", 1), ("9", 10), ("8", 100))
    ]
    offered = product(Decimal(12), *steps)
    for quantity, amount in ((1, 10), (9, 10), (10, 9), (99, 9), (100, 8), (5000, 8)):
        assert unit_price(offered, NOBODY, quantity).amount == amount
    assert unit_price(offered, NOBODY, 10).why[1].params["from"] == "10"


def test_a_pack_costs_its_own_price_or_that_of_its_units():
    terms = NOBODY
    assert unit_price(product(Decimal(10), unit="箱", factor=12), terms).amount == 120
    own = product(Decimal(10), unit="箱", factor=12, pack_price=Decimal(110))
    assert unit_price(own, terms).amount == 110
    per_bottle, per_case = price_rule("9", number=1), price_rule("100", number=2, unit="箱")
    both = product(Decimal(10), per_bottle, per_case, unit="箱", factor=12)
    assert unit_price(both, terms, 12).amount == 100
    assert unit_price(product(Decimal(10), per_bottle, unit="箱", factor=12), terms).amount == 108


def test_the_best_promotion_counts_and_stackable_ones_come_on_top():
    ten = Rule(1, RuleKind.PERCENT_OFF, Buyer.ALL, Decimal(10), "九折", "10 % off")
    three = Rule(2, RuleKind.AMOUNT_OFF, Buyer.ALL, Decimal(3), "减三元", "3 off")
    special = Rule(3, RuleKind.SPECIAL_PRICE, Buyer.ALL, Decimal(95), "特价", "special")
    coin = Rule(4, RuleKind.AMOUNT_OFF, Buyer.ALL, Decimal(1), "再减", "1 more", stackable=True)
    price = unit_price(product(Decimal(100), three, coin, special, ten), NOBODY)
    assert price.amount == 89
    assert codes(price) == ["list_price", "percent_off", "amount_off"]
    told = {"rule": "1", "name_zh": "九折", "name_en": "10 % off", "value": "10"}
    assert price.why[1].params == told


def test_promotions_stop_at_the_floor_but_an_agreed_price_may_lie_below_it():
    half = Rule(1, RuleKind.PERCENT_OFF, Buyer.ALL, Decimal(50))
    price = unit_price(product(Decimal(100), half, floor=Decimal(80)), NOBODY)
    assert price.amount == 80
    assert codes(price) == ["list_price", "percent_off", "floor_price"]
    agreed = price_rule("70", Buyer.CUSTOMER, 2)
    low = unit_price(product(Decimal(100), half, agreed, floor=Decimal(80)), NOBODY)
    assert low.amount == 70


@given(amounts, st.none() | amounts, factors)
def test_a_price_has_two_places_and_is_within_half_a_fen_of_the_exact_one(listed, level, factor):
    agreed = () if level is None else (price_rule(level),)
    price = unit_price(product(listed, *agreed), CustomerTerms("l", "p", factor))
    exact = (listed if level is None else level) * factor
    assert price.amount.as_tuple().exponent == -2
    assert abs(price.amount - exact) <= FEN / 2
    assert (price.amount != exact) == ("rounded" in codes(price))


@given(amounts, factors, factors)
def test_a_deeper_discount_never_costs_more(listed, one, other):
    low, high = sorted((one, other))
    cheap = unit_price(product(listed), CustomerTerms(None, "p", low)).amount
    assert cheap <= unit_price(product(listed), CustomerTerms(None, "p", high)).amount


@given(amounts, some_rules(), st.data(), factors, quantities)
def test_the_order_of_the_rules_changes_nothing(listed, given_rules, data, factor, quantity):
    shuffled = data.draw(st.permutations(given_rules))
    terms = CustomerTerms("l", "p", factor)
    one = unit_price(product(listed, *given_rules), terms, quantity)
    assert one == unit_price(product(listed, *shuffled), terms, quantity)
    assert rules.free_goods(given_rules, "A", quantity) == rules.free_goods(shuffled, "A", quantity)
    assert rules.order_discount(given_rules, listed) == rules.order_discount(shuffled, listed)


@given(amounts, some_rules(*rules.OF_A_PRICE), st.none() | amounts, quantities)
def test_promotions_never_make_dearer_nor_go_below_nothing_or_the_floor(
    listed, offers, floor, quantity
):
    plain = unit_price(product(listed), NOBODY, quantity).amount
    price = unit_price(product(listed, *offers, floor=floor), NOBODY, quantity)
    assert 0 <= price.amount <= plain
    assert floor is None or price.amount >= min(floor, plain)
    least = min(
        (rules.reduced(r, listed, 1) for r in offers if r.fits("瓶", quantity)), default=listed
    )
    assert price.amount <= max(to_fen(least), floor or Decimal(0))


@given(amounts, some_rules(), quantities)
def test_every_step_of_a_price_has_its_reason(listed, own_rules, quantity):
    price = unit_price(product(listed, *own_rules), NOBODY, quantity)
    assert price.why[0].code == "list_price"
    if len(price.why) == 1:
        assert price.amount == to_fen(listed)


@given(some_rules(RuleKind.FREE_GOODS), quantities)
def test_what_comes_free_is_a_multiple_up_to_its_most(offers, quantity):
    given_free = rules.free_goods(offers, "A", quantity)
    if given_free is None:
        assert all(quantity < offer.min_quantity for offer in offers)
        return
    rule = given_free.rule
    assert given_free.sku == (rule.free_sku or "A")
    full = quantity // rule.min_quantity * rule.free_quantity
    assert given_free.quantity == (full if rule.free_most is None else min(full, rule.free_most))


@given(some_rules(*rules.OF_AN_ORDER), amounts)
def test_an_order_discount_needs_its_total_and_never_exceeds_it(offers, total):
    off = rules.order_discount(offers, total)
    reached = [offer for offer in offers if total >= (offer.min_total or 0) and total > 0]
    assert (off is None) == (not reached)
    if off is not None:
        assert 0 <= off.amount <= total


@given(st.lists(st.tuples(amounts, quantities), max_size=20))
def test_the_total_is_the_exact_sum_of_price_times_quantity(lines):
    fen = sum(int(price * 100) * quantity for price, quantity in lines)
    total = total_of(line_total(price, quantity) for price, quantity in lines)
    assert total == Decimal(fen) / 100

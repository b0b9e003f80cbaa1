from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from orders.pricing import (
    FEN,
    CustomerTerms,
    ListedProduct,
    line_total,
    order_total,
    to_fen,
    unit_price,
)

amounts = st.decimals(min_value=0, max_value=999_999, places=2)
factors = st.decimals(min_value=Decimal("0.0001"), max_value=1, places=4)
quantities = st.integers(1, 100_000)


def codes(price):
    return [why.code for why in price.why]


def test_a_level_price_replaces_the_list_price_and_the_policy_comes_off_it():
    terms = CustomerTerms("agent", "p95", Decimal("0.95"))
    price = unit_price(ListedProduct("A", Decimal("10.00"), Decimal("8.99")), terms)
    assert price.amount == Decimal("8.54")
    assert codes(price) == ["list_price", "level_price", "policy_discount", "rounded"]
    assert price.why[1].params == {"level": "agent", "amount": "8.99"}
    assert price.why[3].params == {"exact": "8.5405", "amount": "8.54"}


def test_half_a_fen_goes_up():
    terms = CustomerTerms(None, "half", Decimal("0.5"))
    assert unit_price(ListedProduct("A", Decimal("0.25")), terms).amount == Decimal("0.13")
    assert to_fen(Decimal("1.005")) == Decimal("1.01")


def test_a_customer_without_terms_pays_the_list_price_and_hears_only_that():
    price = unit_price(ListedProduct("A", Decimal("62.50")), CustomerTerms())
    assert price.amount == Decimal("62.50")
    assert codes(price) == ["list_price"]


@given(amounts, st.none() | amounts, factors)
def test_a_price_has_two_places_and_is_within_half_a_fen_of_the_exact_one(listed, level, factor):
    price = unit_price(ListedProduct("A", listed, level), CustomerTerms("l", "p", factor))
    exact = (listed if level is None else level) * factor
    assert price.amount.as_tuple().exponent == -2
    assert abs(price.amount - exact) <= FEN / 2
    assert (price.amount != exact) == ("rounded" in codes(price))


@given(amounts, factors, factors)
def test_a_deeper_discount_never_costs_more(listed, one, other):
    low, high = sorted((one, other))
    product = ListedProduct("A", listed)
    cheap = unit_price(product, CustomerTerms(None, "p", low)).amount
    assert cheap <= unit_price(product, CustomerTerms(None, "p", high)).amount


@given(st.lists(st.tuples(amounts, quantities), max_size=20))
def test_the_total_is_the_exact_sum_of_price_times_quantity(lines):
    fen = sum(int(price * 100) * quantity for price, quantity in lines)
    total = order_total(line_total(price, quantity) for price, quantity in lines)
    assert total == Decimal(fen) / 100

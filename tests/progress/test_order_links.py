"""Links of orders by themselves: what they say, how they are sealed, and how long they hold."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.progress import links
from orders.progress.links import Claim, LinkTerms

KEY, OTHER = b"k" * 32, b"o" * 32
TERMS = LinkTerms("https://shop.example/", (KEY,), days=30)
MADE = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
ORDERS = st.integers(1, 2**31 - 1)
MOMENTS = st.integers(1_600_000_000, 4_000_000_000).map(lambda s: datetime.fromtimestamp(s, UTC))


@given(ORDERS, MOMENTS, st.integers(1, 365))
def test_a_link_says_what_it_was_made_of_and_fits_into_an_sms(order_id, made_at, days):
    terms = LinkTerms("https://shop.example", (KEY,), days)
    token = links.token(terms, order_id, made_at)
    assert len(token) == 35
    assert links.read(terms, token) == Claim(order_id, made_at, days)


@given(ORDERS, MOMENTS, st.integers(0, 25), st.integers(1, 255))
def test_a_link_in_which_one_byte_is_another_is_none(order_id, made_at, place, changed):
    raw = bytearray(base64.urlsafe_b64decode(links.token(TERMS, order_id, made_at) + "="))
    raw[place] ^= changed
    assert links.read(TERMS, base64.urlsafe_b64encode(raw).decode().rstrip("=")) is None


@given(ORDERS, MOMENTS)
def test_a_link_is_written_in_one_way_only(order_id, made_at):
    token = links.token(TERMS, order_id, made_at)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    read = [last for last in alphabet if links.read(TERMS, token[:-1] + last)]
    assert read == [token[-1]]


@given(st.text(max_size=60))
def test_whatever_is_no_link_is_none(text):
    assert links.read(TERMS, text) is None


def test_a_new_key_seals_and_the_old_one_is_still_recognised():
    old = links.token(TERMS, 7, MADE)
    both = LinkTerms("https://shop.example", (OTHER, KEY))
    assert links.read(both, old) == Claim(7, MADE, 30)
    assert links.read(TERMS, links.token(both, 7, MADE)) is None
    assert links.read(LinkTerms("https://shop.example", (OTHER,)), old) is None


def test_a_link_ends_so_many_days_after_the_last_step_and_sooner_when_the_settings_say_so():
    claim = Claim(7, MADE, 30)
    week = MADE + timedelta(days=7)
    assert claim.expires_at(MADE - timedelta(days=1), 30) == MADE + timedelta(days=30)
    assert claim.expires_at(week, 365) == week + timedelta(days=30)
    assert claim.expires_at(week, 3) == week + timedelta(days=3)


def test_without_an_address_or_a_key_there_are_no_links():
    assert links.address(LinkTerms(None, (KEY,)), 7, MADE) is None
    assert links.address(LinkTerms("https://shop.example", ()), 7, MADE) is None
    with pytest.raises(ValueError, match="without a key"):
        links.token(LinkTerms("https://shop.example", ()), 7, MADE)
    with pytest.raises(ValueError, match="at least 32 bytes"):
        LinkTerms("https://shop.example", (b"short",))


def test_a_message_of_an_order_has_a_link_where_somebody_can_press_it():
    said = links.beside(TERMS)
    token = links.token(TERMS, 7, MADE)
    link = {"link": f"https://shop.example/o/{token}", "link_token": token}
    assert said("order", 7, "sms", MADE) == link
    assert said("order", 7, "email", MADE) == link
    assert said("order", 7, "voice", MADE) == {}
    assert said("order", 7, "fax", MADE) == {}
    assert said("notice", 7, "sms", MADE) == {}
    assert links.beside(LinkTerms())("order", 7, "sms", MADE) == {}

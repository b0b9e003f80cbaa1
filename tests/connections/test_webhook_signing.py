import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.connections.signing import NotAuthentic, headers, new_secret, verify

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
SECRET = new_secret()


def test_the_signature_is_the_one_that_the_standard_gives_as_its_example():
    """standard-webhooks, specification: the same secret, id, time and body as its libraries' tests."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    at = datetime.fromtimestamp(1614265330, UTC)
    made = headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, body, [secret])
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(body=st.binary(max_size=200), skew=st.integers(-290, 290))
def test_what_was_signed_is_accepted_within_five_minutes(body: bytes, skew: int):
    made = headers("evt_1", NOW, body, [SECRET])
    assert verify(made, body, SECRET, NOW + timedelta(seconds=skew)) == "evt_1"


@pytest.mark.parametrize("skew", [-3600, -301, 301, 86_400])
def test_a_clock_that_is_too_far_away_is_refused(skew: int):
    made = headers("evt_1", NOW, b"{}", [SECRET])
    with pytest.raises(NotAuthentic):
        verify(made, b"{}", SECRET, NOW + timedelta(seconds=skew))


@given(body=st.binary(min_size=1, max_size=50), at=st.integers(0, 49), other=st.integers(1, 255))
def test_one_changed_byte_is_refused(body: bytes, at: int, other: int):
    at %= len(body)
    changed = body[:at] + bytes([body[at] ^ other]) + body[at + 1 :]
    with pytest.raises(NotAuthentic):
        verify(headers("evt_1", NOW, body, [SECRET]), changed, SECRET, NOW)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("value", ["", "x", "１２３", "v1", "v1,", "v2,abc"])
def test_headers_that_are_missing_or_of_another_form_are_refused(name: str, value: str):
    made = headers("evt_1", NOW, b"{}", [SECRET]) | {name: value}
    with pytest.raises(NotAuthentic):
        verify(made, b"{}", SECRET, NOW)


def test_while_two_secrets_hold_either_of_them_verifies():
    old, new = new_secret(), new_secret()
    made = headers("evt_1", NOW, b"{}", [new, old])
    assert verify(made, b"{}", old, NOW) == verify(made, b"{}", new, NOW) == "evt_1"
    with pytest.raises(NotAuthentic):
        verify(made, b"{}", new_secret(), NOW)


def test_a_receiver_can_verify_with_nothing_but_a_standard_library():
    """The example of docs/webhooks.md, word for word."""
    made, body = headers("evt_1", NOW, b'{"id":"evt_1"}', [SECRET]), b'{"id":"evt_1"}'
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signed = b".".join([made["webhook-id"].encode(), made["webhook-timestamp"].encode(), body])
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert any(hmac.compare_digest(each, wanted) for each in made["webhook-signature"].split(" "))

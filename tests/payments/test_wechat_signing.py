"""WeChat Pay's seals, against messages put together by hand as the documentation says."""

import base64

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from orders.payments.ports import Fate, Unclear
from orders.payments.sandbox.keys import SandboxKeys
from orders.payments.wechat import facts
from orders.payments.wechat.signing import (
    BadSeal,
    Stamp,
    authorization,
    decrypt,
    encrypt,
    private_key,
    public_key,
    verify,
)

KEY = b"0123456789abcdef0123456789abcdef"
PLAIN = st.none() | st.integers() | st.sampled_from(["", "SUCCESS", "CNY", "2026-03-02", "x" * 65])
JSON = PLAIN | st.lists(PLAIN, max_size=2) | st.dictionaries(st.just("total"), PLAIN)


def test_the_authorization_header_is_the_documented_message_signed(keys: SandboxKeys):
    body = '{"mchid":"1900000001"}'
    request = ("POST", "/v3/pay/transactions/native?a=1", body)
    header = authorization(
        keys.merchant_key, "1900000001", "SERIAL", Stamp(1554208460, "NONCE"), request
    )
    signed = header.split('signature="')[1].split('"')[0]
    message = f"POST\n/v3/pay/transactions/native?a=1\n1554208460\nNONCE\n{body}\n"
    keys.merchant_key.public_key().verify(
        base64.b64decode(signed), message.encode(), padding.PKCS1v15(), hashes.SHA256()
    )
    assert header == (
        'WECHATPAY2-SHA256-RSA2048 mchid="1900000001",nonce_str="NONCE",'
        f'signature="{signed}",timestamp="1554208460",serial_no="SERIAL"'
    )


def test_an_answer_s_seal_is_over_timestamp_nonce_and_body(keys: SandboxKeys):
    message = b"1554208460\nNONCE\n{}\n"
    signed = keys.platform_key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    text = base64.b64encode(signed).decode()
    verify(keys.platform_key.public_key(), text, "1554208460", "NONCE", "{}")
    for parts in (("1554208461", "NONCE", "{}"), ("1554208460", "NONCE", "{ }"), ("1554208460",)):
        with pytest.raises(BadSeal):
            verify(keys.platform_key.public_key(), text, *parts)
    for bad in ("", "%%%", "AAAA"):
        with pytest.raises(BadSeal):
            verify(keys.platform_key.public_key(), bad, "1554208460", "NONCE", "{}")


def test_a_content_is_aes_256_gcm_with_its_associated_data():
    raw = AESGCM(KEY).encrypt(b"fdasflkja484", b'{"a":1}', b"transaction")
    text = base64.b64encode(raw).decode()
    assert decrypt(KEY, "fdasflkja484", "transaction", text) == b'{"a":1}'
    assert encrypt(KEY, "fdasflkja484", "transaction", b'{"a":1}') == text
    for nonce, associated in (("fdasflkja485", "transaction"), ("fdasflkja484", "refund")):
        with pytest.raises(BadSeal):
            decrypt(KEY, nonce, associated, text)


def test_keys_that_are_no_rsa_keys_are_refused(keys: SandboxKeys):
    with pytest.raises(ValueError, match=r"PEM|load|data"):
        private_key(b"nothing")
    with pytest.raises(ValueError, match=r"PEM|load|data"):
        public_key((keys.folder / "merchant.pem").read_bytes())


@given(st.dictionaries(st.sampled_from(["trade_state", "status", "refund_status", "out_trade_no",
    "out_refund_no", "transaction_id", "refund_id", "amount", "success_time"]), JSON))  # fmt: skip
def test_whatever_the_gateway_says_is_understood_or_unclear(said):
    for read in (facts.of_charge, facts.of_repayment):
        with pytest.raises(Unclear):
            read(said)


@given(st.integers(1, 10**11))
def test_money_is_told_in_fen(amount: int):
    assert facts.fen(facts.yuan(amount)) == amount
    said = {"trade_state": "SUCCESS", "out_trade_no": "t", "transaction_id": "r",
            "success_time": "2026-03-02T10:00:00+08:00",
            "amount": {"total": amount, "currency": "CNY"}}  # fmt: skip
    fact = facts.of_charge(said)
    assert (fact.fate, fact.amount) == (Fate.DONE, facts.yuan(amount))

"""What WeChat Pay says of a charge or a refund, in our words. Rule: what does not make sense raises Unclear and
is asked for again; nothing is guessed.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from orders.payments.ports import Fact, Fate, Unclear

LONGEST_URL = 500
_LONGEST, _MOST_FEN = 64, 10**12
_FEN_IN_YUAN = Decimal(100)
_CHARGE = {
    "SUCCESS": Fate.DONE,
    "REFUND": Fate.DONE,
    "NOTPAY": Fate.OPEN,
    "USERPAYING": Fate.OPEN,
    "PAYERROR": Fate.OPEN,
    "CLOSED": Fate.CLOSED,
    "REVOKED": Fate.CLOSED,
}
_REPAYMENT = {
    "SUCCESS": Fate.DONE,
    "PROCESSING": Fate.OPEN,
    "CLOSED": Fate.CLOSED,
    "ABNORMAL": Fate.CLOSED,
}


def of_charge(said: Mapping[str, Any]) -> Fact:
    """Of an answer to a query or a decrypted call-back. Raises Unclear."""
    state = said.get("trade_state")
    fate = _CHARGE.get(state) if isinstance(state, str) else None
    token = _text(said, "out_trade_no")
    if fate is not Fate.DONE:
        if fate is None:
            raise Unclear(f"a charge cannot be {state!r}")
        return Fact(fate, token, detail=str(state))
    amount = _part(said, "amount")
    return Fact(
        fate,
        token,
        _text(said, "transaction_id"),
        _yuan(amount, "total"),
        _text(amount, "currency"),
        _time(said, "success_time"),
        str(state),
    )


def of_repayment(said: Mapping[str, Any]) -> Fact:
    """Its state is `status` in an answer and `refund_status` in a call-back. Raises Unclear."""
    state = said.get("status", said.get("refund_status"))
    fate = _REPAYMENT.get(state) if isinstance(state, str) else None
    token = _text(said, "out_refund_no")
    if fate is not Fate.DONE:
        if fate is None:
            raise Unclear(f"a refund cannot be {state!r}")
        return Fact(fate, token, detail=str(state))
    amount = _part(said, "amount")
    currency = amount.get("currency", "CNY")
    return Fact(
        fate,
        token,
        _text(said, "refund_id"),
        _yuan(amount, "refund"),
        str(currency)[:3],
        _time(said, "success_time"),
        str(state),
    )


def fen(amount: Decimal) -> int:
    """Whole fen of an amount in yuan that has two places."""
    return int(amount * _FEN_IN_YUAN)


def yuan(amount: int) -> Decimal:
    return Decimal(amount) / _FEN_IN_YUAN


def _part(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = said.get(name)
    if not isinstance(part, dict):
        raise Unclear(f"{name} is missing")
    return part


def _text(said: Mapping[str, Any], name: str) -> str:
    text = said.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST or not text.isprintable():
        raise Unclear(f"{name} is missing or too long")
    return text


def _yuan(said: Mapping[str, Any], name: str) -> Decimal:
    stated = said.get(name)
    if not isinstance(stated, int) or isinstance(stated, bool) or not 0 < stated < _MOST_FEN:
        raise Unclear(f"{name} is no sum of money")
    return yuan(stated)


def _time(said: Mapping[str, Any], name: str) -> datetime:
    try:
        at = datetime.fromisoformat(_text(said, name))
    except ValueError as error:
        raise Unclear(f"{name} is no time") from error
    if at.tzinfo is None or not 2000 <= at.year <= 2199:  # noqa: PLR2004
        raise Unclear(f"{name} is no time of our days")
    return at

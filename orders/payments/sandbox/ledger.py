"""What the sandbox gateway knows: charges and refunds by the merchant's numbers. Rule: like the real one it
takes a number once, and a repeated request with other content is refused.
"""

import secrets
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from orders.payments.wechat.bill import BEIJING, BillLine, write
from orders.payments.wechat.facts import yuan


class Refusal(Exception):
    """What the gateway answers: HTTP status and code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


@dataclass
class Charge:
    token: str
    total: int
    notify_url: str
    expires_at: datetime
    code_url: str
    state: str = "NOTPAY"
    transaction: str = ""
    paid: int = 0
    currency: str = "CNY"
    paid_at: datetime | None = None
    refunded: int = 0


@dataclass
class Refund:
    token: str
    charge: Charge
    amount: int
    reference: str
    at: datetime
    state: str = "SUCCESS"


@dataclass
class Ledger:
    """Money in fen."""

    charges: dict[str, Charge] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)

    def charge(self, body: dict[str, Any], address: str) -> Charge:
        token, total = body["out_trade_no"], body["amount"]["total"]
        known = self.charges.get(token)
        if known is None:
            known = Charge(
                token,
                total,
                body["notify_url"],
                datetime.fromisoformat(body["time_expire"]),
                f"{address}/pay/{token}",
            )
            self.charges[token] = known
        elif known.state != "NOTPAY":
            raise Refusal(400, "ORDERPAID" if known.state == "SUCCESS" else "ORDER_CLOSED")
        elif known.total != total:
            raise Refusal(400, "INVALID_REQUEST")
        return known

    def pay(self, token: str, now: datetime, *, amount: int | None, currency: str) -> Charge:
        """The customer pays; another `amount` or `currency` is a fault of the gateway's."""
        charge = self.found(token)
        if charge.state != "NOTPAY":
            raise Refusal(400, "ORDER_CLOSED" if charge.state == "CLOSED" else "ORDERPAID")
        charge.state = "SUCCESS"
        charge.transaction = f"42000{secrets.randbelow(10**23):023d}"
        charge.paid, charge.currency, charge.paid_at = amount or charge.total, currency, now
        return charge

    def close(self, token: str) -> None:
        charge = self.found(token)
        if charge.state == "SUCCESS":
            raise Refusal(400, "ORDERPAID")
        charge.state = "CLOSED"

    def refund(self, body: dict[str, Any], now: datetime, state: str) -> Refund:
        token, amount = body["out_refund_no"], body["amount"]["refund"]
        charge = self.found(body["out_trade_no"])
        known = self.refunds.get(token)
        if known is not None:
            if (known.amount, known.charge.token) != (amount, charge.token):
                raise Refusal(400, "INVALID_REQUEST")
            return known
        if charge.state not in ("SUCCESS", "REFUND") or body["amount"]["total"] != charge.paid:
            raise Refusal(400, "INVALID_REQUEST")
        if charge.refunded + amount > charge.paid:
            raise Refusal(403, "NOT_ENOUGH")
        charge.refunded += amount
        charge.state = "REFUND"
        made = Refund(token, charge, amount, f"50000{secrets.randbelow(10**23):023d}", now, state)
        self.refunds[token] = made
        return made

    def found(self, token: str) -> Charge:
        try:
            return self.charges[token]
        except KeyError:
            raise Refusal(404, "ORDER_NOT_EXIST") from None

    def found_refund(self, token: str) -> Refund:
        try:
            return self.refunds[token]
        except KeyError:
            raise Refusal(404, "RESOURCE_NOT_EXISTS") from None

    def bill(self, day: date) -> bytes:
        lines = [
            BillLine(each.paid_at, each.transaction, each.token, yuan(each.paid))
            for each in self.charges.values()
            if each.paid_at and each.paid_at.astimezone(BEIJING).date() == day
        ]
        lines += [
            BillLine(
                each.at,
                each.charge.transaction,
                each.charge.token,
                yuan(each.amount),
                each.reference,
                each.token,
            )
            for each in self.refunds.values()
            if each.state == "SUCCESS" and each.at.astimezone(BEIJING).date() == day
        ]
        return write(lines)

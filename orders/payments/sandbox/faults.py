"""How the sandbox gateway may misbehave. Rule: every fault is one that real gateways have shown."""

from enum import StrEnum


class Fault(StrEnum):
    """Of a call-back, but for the last two: there the answer to our request is late or never comes."""

    DUPLICATE = "duplicate"
    DELAY = "delay"
    LOST = "lost"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_CURRENCY = "wrong_currency"
    BAD_SIGNATURE = "bad_signature"
    OLD = "old"
    STRANGER = "stranger"
    ANSWER_LOST = "answer_lost"
    REFUND_LATER = "refund_later"

"""How an order is paid (付款方式). Rule: codes; the screen has the words."""

from enum import StrEnum


class Method(StrEnum):
    PREPAID = "prepaid"
    TRANSFER = "transfer"
    CASH_ON_DELIVERY = "cash_on_delivery"
    ACCOUNT = "account"
    DEBIT = "debit"
    CASH = "cash"

"""Waybill numbers. Rule: pure; a number with a check digit that is wrong never becomes a waybill.

S10 is the numbering of postal items (UPU Technical Standard S10, part 1): two letters for the service, eight digits,
a check digit, two letters for the country. The digits are weighted 8 6 4 2 3 5 9 7; the check digit is
11 − (sum mod 11), where 10 becomes 0 and 11 becomes 5.
"""

import re

from orders.delivery.codes import Check
from orders.delivery.errors import BadWaybillNumber

_S10 = re.compile(r"[A-Z]{2}([0-9]{8})([0-9])[A-Z]{2}")
_PLAIN = re.compile(r"[0-9A-Z][0-9A-Z-]{3,29}")
_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
SERIAL_DIGITS = len(_WEIGHTS)


def s10_check_digit(serial: str) -> str:
    """Of eight digits."""
    total = sum(int(digit) * weight for digit, weight in zip(serial, _WEIGHTS, strict=True))
    return {10: "0", 11: "5"}.get(found := 11 - total % 11, str(found))


def made(check: Check, prefix: str, serial: int, width: int, suffix: str) -> str:
    """The number of one serial."""
    digits = str(serial).zfill(width)
    if check is Check.S10:
        digits += s10_check_digit(digits)
    return f"{prefix}{digits}{suffix}"


def read(check: Check, written: str) -> str:
    """A number as people and files write it. Raises BadWaybillNumber."""
    number = "".join(written.split()).upper()
    if _PLAIN.fullmatch(number) is None:
        raise BadWaybillNumber(
            "A waybill number has 4 to 30 letters and digits: look at the paper again.",
            fields={"number": "form"},
        )
    if check is Check.S10:
        found = _S10.fullmatch(number)
        if found is None or s10_check_digit(found[1]) != found[2]:
            raise BadWaybillNumber(
                f"{number} is no number of an item by post (its check digit is wrong): look again.",
                fields={"number": "check_digit"},
            )
    return number

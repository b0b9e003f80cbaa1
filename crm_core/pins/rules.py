"""What makes a PIN acceptable, and how often one may be tried. Rule: pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from crm_core.errors import Invalid

LONGEST = 8
_FEWEST_DIGITS = 3
_PROBLEMS = {
    "not_digits": "A PIN is digits alone: it is pressed on a telephone.",
    "length": f"The PIN has the wrong length: use {{shortest}} to {LONGEST} digits.",
    "repetitive": "The PIN repeats a few digits: use at least three different ones.",
    "sequence": "The PIN counts up or down: choose another one.",
    "known": "The PIN stands in the customer's code or a telephone number: choose another one.",
}


@dataclass(frozen=True, slots=True)
class PinRules:
    """At least `shortest` digits; after so many wrong `tries` in a row the PIN is locked for `lock`, and again after
    each wrong one from then on.
    """

    shortest: int = 6
    tries: int = 5
    lock: timedelta = timedelta(hours=1)


def check_acceptable(pin: str, known: Iterable[str], rules: PinRules) -> None:
    """`known` are the customer's code and numbers. Raises Invalid, whose field is a code that screens translate."""
    problem = problem_of(pin, known, rules.shortest)
    if problem is not None:
        message = _PROBLEMS[problem].format(shortest=rules.shortest)
        raise Invalid(message, fields={"pin": problem})


def problem_of(pin: str, known: Iterable[str], shortest: int) -> str | None:
    if not (pin.isascii() and pin.isdigit()):
        return "not_digits"
    if not shortest <= len(pin) <= LONGEST:
        return "length"
    if len(set(pin)) < _FEWEST_DIGITS:
        return "repetitive"
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    if len(steps) == 1 and steps <= {1, 9}:
        return "sequence"
    if any(pin in "".join(sign for sign in each if sign.isdigit()) for each in known):
        return "known"
    return None

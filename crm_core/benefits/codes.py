"""Codes of coupons: twelve signs in three groups, made to be said on the telephone.

Rule: Crockford's base 32 (no I, L, O, U), so that what was heard wrongly is read rightly; the last sign checks
the others (their sum by place, modulo 32 with odd weights: every single wrong sign is found).
Source: Douglas Crockford, “Base 32”.
"""

import secrets

SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH, _GROUP = 12, 4
_HEARD = str.maketrans({"I": "1", "L": "1", "O": "0", "U": "V", "-": "", " ": ""})


def new_code() -> str:
    """55 random bits and a check sign, such as 7Q2M-0KXD-9V3T."""
    body = "".join(secrets.choice(SIGNS) for _ in range(_LENGTH - 1))
    return _grouped(body + _check(body))


def read_code(typed: str) -> str | None:
    """The code that was meant, None when it cannot be one."""
    signs = typed.upper().translate(_HEARD)
    if len(signs) != _LENGTH or any(sign not in SIGNS for sign in signs):
        return None
    return _grouped(signs) if _check(signs[:-1]) == signs[-1] else None


def _check(body: str) -> str:
    total = sum((2 * place + 1) * SIGNS.index(sign) for place, sign in enumerate(body))
    return SIGNS[total % len(SIGNS)]


def _grouped(signs: str) -> str:
    return "-".join(signs[at : at + _GROUP] for at in range(0, len(signs), _GROUP))

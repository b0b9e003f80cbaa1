"""Telephone numbers in entries, for readers who may not see them.

Rule: pure; what stands under a key that speaks of a telephone is hidden whatever its shape, and a
mobile number in any other text too.
"""

import re

from crm_core.numbers import mask

_KEY_WORDS = frozenset(
    {
        "number", "numbers", "phone", "phones", "caller", "callers", "callee", "called",
        "mobile", "mobiles", "tel", "telephone", "telephones", "fax", "contact", "whatsapp",
    }
)  # fmt: skip
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_MOBILE = re.compile(
    r"(?<![0-9A-Za-z])(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?![0-9A-Za-z]|\.\d)"
)
_NUMBER_LIKE = re.compile(r"\+?\d{10,15}")
_DIGITS = re.compile(r"\d")


def masked_value(key: str, value: object) -> object:
    """The value of a field, with every number in it hidden."""
    return _masked(value, hidden=is_number_key(key))


def masked_id(entity_id: str) -> str:
    """The id of a record, which for a do-not-call number is the number."""
    return mask(entity_id) if _NUMBER_LIKE.fullmatch(entity_id) else entity_id


def is_number_key(key: str) -> bool:
    return any(word.lower() in _KEY_WORDS for word in _WORDS.findall(key))


def _masked(value: object, *, hidden: bool) -> object:
    if isinstance(value, dict):
        return {
            masked_id(key): _masked(each, hidden=hidden or is_number_key(key))
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_masked(each, hidden=hidden) for each in value]
    if isinstance(value, str):
        return mask(value) if hidden else _MOBILE.sub(lambda found: mask(found[0]), value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _masked_number(value, hidden=hidden)
    return value


def _masked_number(value: float, *, hidden: bool) -> object:
    """A JSON number may be a telephone number as well."""
    written = str(value)
    return mask(written) if hidden and len(_DIGITS.findall(written)) > 6 else value  # noqa: PLR2004

"""Telephone numbers as Zongji keeps them: one form for each number, whoever delivered it.

Rule: `normalise` gives the form people dial inside China (mobile `13800138000`, landline
`02223456789`, 400 and 800 numbers and short numbers as they are), `+…` for numbers abroad, and
None for a hidden or masked number or none at all; applied twice it changes nothing.
"""

import re
import unicodedata

_NAMED_EXTENSION = re.compile(r"(?:转|分机|ext\.?|x|#|,|;|\*).*$", re.IGNORECASE | re.DOTALL)
_MASKED = re.compile(r"\*.*\*|[\d*]x{2}", re.IGNORECASE | re.DOTALL)
_ADDRESS = re.compile(r"^(?:sips?|tel):", re.IGNORECASE)
_PUNCTUATION = re.compile(r"[\s().·/_\-‐-―−﹣~]+")
_DASHED_EXTENSION = re.compile(r"^(?P<number>.*\d)[\-‐-―−]\s*\d{1,6}$", re.DOTALL)

MOBILE = "^1[3-9][0-9]{9}$"
_MOBILE = re.compile(MOBILE)
_LANDLINE = re.compile(r"0(?:10\d{8}|2\d{9}|[3-9]\d{2}\d{7,8})")
_SERVICE = re.compile(r"[48]00\d{7}")
_SHORTEST_ABROAD, _LONGEST = 7, 15
_MOST_WRITTEN = 40  # with every prefix that carriers put before a number, also doubled
_COUNTRY = "86"


def normalise(raw: str | None) -> str | None:
    """The one form of a number, None when it is hidden, anonymous, empty or no number at all."""
    if raw is None or is_masked(raw):
        return None
    written = unicodedata.normalize("NFKC", raw).strip()
    written = _ADDRESS.sub("", written).partition("@")[0]
    written = _NAMED_EXTENSION.sub("", written)
    whole = _digits(written)
    shorter = _DASHED_EXTENSION.match(written)
    if shorter and (whole is None or not _is_complete(whole)):
        without = _digits(shorter["number"])
        if without is not None and _is_complete(without):
            return without
    return whole


def area_code(number: str) -> str | None:
    """The area code of a landline in `normalise`'s form, else None."""
    if _LANDLINE.fullmatch(number) is None:
        return None
    return number[: _code_length(number)]


def is_mobile(number: str) -> bool:
    return _MOBILE.fullmatch(number) is not None


def is_masked(raw: str) -> bool:
    """Whether digits are hidden in it, as `mask` and others hide them: it names nobody's number."""
    return _MASKED.search(unicodedata.normalize("NFKC", raw).partition("@")[0]) is not None


def mask(number: str) -> str:
    """The number with its middle hidden; extensions and service numbers stay as they are."""
    if len(number) <= 6:  # noqa: PLR2004
        return number
    head, tail = max(0, min(3, len(number) - 8)), 4
    return number[:head] + "*" * (len(number) - head - tail) + number[-tail:]


def shown(number: str, *, unmasked: bool) -> str:
    """What a person with or without the right `number.unmask` sees."""
    return number if unmasked else mask(number)


def _digits(written: str) -> str | None:
    compact = _PUNCTUATION.sub("", written)
    abroad = compact.startswith("+")
    digits = compact.lstrip("+")
    if len(digits) > _MOST_WRITTEN:
        return None
    if not (digits.isascii() and digits.isdigit()) or not digits.strip("0"):
        return None
    return _from_abroad(digits) if abroad else _inside(digits)


def _inside(digits: str) -> str | None:
    if _is_complete(digits):
        return digits
    if digits.startswith("00"):
        return _from_abroad(digits[2:])
    if digits.startswith(_COUNTRY):
        national = _complete(digits[len(_COUNTRY) :])
        if national is not None:
            return national
    return _without_prefix(digits) or (digits if 2 <= len(digits) <= _LONGEST else None)  # noqa: PLR2004


def _from_abroad(digits: str) -> str | None:
    """Digits that followed `+` or `00`."""
    if digits.startswith(_COUNTRY):
        national = digits[len(_COUNTRY) :]
        return _complete(national) or (_inside(national) if national.strip("0") else None)
    if digits.startswith("0") or not _SHORTEST_ABROAD <= len(digits) <= _LONGEST:
        return None
    return f"+{digits}"


def _complete(digits: str) -> str | None:
    """A complete national number, whose trunk 0 may be missing or whose prefixes are doubled."""
    if _is_complete(digits):
        return digits
    if _is_complete(f"0{digits}"):
        return f"0{digits}"
    if digits.startswith(_COUNTRY):
        return _complete(digits[len(_COUNTRY) :])
    return _without_prefix(digits)


def _without_prefix(digits: str) -> str | None:
    """`013800138000`, `02213800138000`, `02202223456789`: what a carrier's prefix left whole."""
    code = digits[: _code_length(digits)]
    if not digits.startswith("0") or digits == code:
        return None
    for prefix in ("0", code):
        rest = digits[len(prefix) :]
        if _MOBILE.fullmatch(rest) or _SERVICE.fullmatch(rest):
            return rest
    rest = digits[len(code) :]
    for candidate in (rest, f"0{rest}"):
        if candidate.startswith(code):
            return candidate if _LANDLINE.fullmatch(candidate) else _without_prefix(candidate)
    return None


def _is_complete(digits: str) -> bool:
    return any(form.fullmatch(digits) for form in (_MOBILE, _LANDLINE, _SERVICE)) or (
        digits.startswith("+")
    )


def _code_length(number: str) -> int:
    return 3 if number[1:2] in ("1", "2") else 4

"""How far a number is, for the right to dial it.

Rule: a number whose home is not known counts as far, never as near; without a home of one's own every
number in the country is near.
"""

from collections.abc import Mapping
from enum import StrEnum

from crm_core.numbers import area_code, is_mobile
from crm_core.places.finder import Places
from crm_core.rights import Right


class Reach(StrEnum):
    LOCAL = "local"
    LONG_DISTANCE = "long_distance"
    ABROAD = "abroad"


_RIGHTS: Mapping[Reach, Right] = {
    Reach.LOCAL: Right.PHONE_DIAL,
    Reach.LONG_DISTANCE: Right.PHONE_DIAL_LONG_DISTANCE,
    Reach.ABROAD: Right.PHONE_DIAL_ABROAD,
}


def reach(number: str, places: Places, home_area_code: str | None) -> Reach:
    """How far a number in `normalise`'s form is from the area code of the company."""
    if number.startswith("+"):
        return Reach.ABROAD
    code = area_code(number)
    if home_area_code is None or (code is None and not is_mobile(number)):
        return Reach.LOCAL
    place = places.find(number)
    home = code or (place.area_code if place else None)
    return Reach.LOCAL if home == home_area_code else Reach.LONG_DISTANCE


def right_to_dial(number: str, places: Places, home_area_code: str | None) -> Right:
    """The right that a number in `normalise`'s form needs."""
    return _RIGHTS[reach(number, places, home_area_code)]

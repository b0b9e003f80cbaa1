"""Where a callee may be: by the number, by where the number is at home, and by the customer's addresses.

Rule: pure; all that is known counts, because a mobile travels and an address may be old. Numbers without `+` are at home
in the house's own zone.
"""

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from dialer.rules.hours import Area

Zones = Mapping[str, tuple[str, ...]]
"""Time zones by how a number begins (`+1415`), or by the name of a province or city (新疆). Of a country with several
zones all that are inhabited count, outermost first."""

SHIPPED: Zones = {
    "新疆": ("Asia/Urumqi",),
    "+852": ("Asia/Hong_Kong",),
    "+853": ("Asia/Macau",),
    "+886": ("Asia/Taipei",),
    "+81": ("Asia/Tokyo",),
    "+82": ("Asia/Seoul",),
    "+60": ("Asia/Kuala_Lumpur",),
    "+62": ("Asia/Jakarta", "Asia/Jayapura"),
    "+63": ("Asia/Manila",),
    "+65": ("Asia/Singapore",),
    "+66": ("Asia/Bangkok",),
    "+84": ("Asia/Ho_Chi_Minh",),
    "+91": ("Asia/Kolkata",),
    "+971": ("Asia/Dubai",),
    "+7": ("Europe/Kaliningrad", "Asia/Kamchatka"),
    "+33": ("Europe/Paris",),
    "+34": ("Europe/Madrid", "Atlantic/Canary"),
    "+39": ("Europe/Rome",),
    "+44": ("Europe/London",),
    "+49": ("Europe/Berlin",),
    "+61": ("Australia/Perth", "Australia/Sydney", "Australia/Brisbane"),
    "+64": ("Pacific/Auckland",),
    "+1": ("America/St_Johns", "America/New_York", "America/Los_Angeles", "Pacific/Honolulu"),
}


def areas_of(number: str, places: Iterable[str], home: ZoneInfo, zones: Zones) -> tuple[Area, ...]:
    """`places` are names of provinces and cities; nothing when it is not known where a number abroad is."""
    found: dict[str, None] = {}
    abroad = number.startswith("+")
    if not abroad:
        found[home.key] = None
    by = max((each for each in zones if abroad and number.startswith(each)), key=len, default=None)
    for name in (by, *places):
        found.update(dict.fromkeys(zones.get(name or "", ())))
    return tuple(Area(ZoneInfo(each)) for each in found)

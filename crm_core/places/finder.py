"""Where a number is at home, for routing and for the pop.

Rule: `find` is pure memory and never waits. Order: the customer's own record, the imported override
table (longest prefix), the segment table for mobiles, the area code for landlines, else None.

The segment table (PyPI's `phone`) names an area code with each mobile segment, so it also knows
every area code of the country; where cities share a code, the one with most segments stands for it.
"""

import asyncio
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import structlog
from phone import Phone

from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable
from crm_core.numbers import area_code, is_mobile
from crm_core.places import store

log = structlog.get_logger(__name__)

_LONGEST_PREFIX = 16
_MUNICIPALITIES = frozenset({"北京", "上海", "天津", "重庆"})
_SEGMENT = struct.Struct("<iiB")


@dataclass(frozen=True, slots=True)
class Place:
    """Province and city without their suffixes: 河北 石家庄; a municipality is both: 天津 天津."""

    area_code: str | None
    province: str
    city: str


Source = Literal["customer", "imported", "segment", "area_code"]


@dataclass(frozen=True, slots=True)
class Home:
    """Where a number is at home and by what it is known; without a place nothing knows it."""

    place: Place | None = None
    source: Source | None = None


class SegmentTable:
    """Mobile segments (first seven digits) and area codes of mainland China."""

    def __init__(self) -> None:
        self._phone = Phone()
        self._by_code = _places_of_codes(self._phone.buf, self._phone.first_phone_record_offset)

    def mobile(self, number: str) -> Place | None:
        found = self._phone.find(number)
        if found is None:
            return None
        return _place(found["area_code"], found["province"], found["city"])

    def landline(self, code: str) -> Place | None:
        return self._by_code.get(code)


class Places:
    """Finds the home of a number; `load` once at start, `reload` after an import."""

    def __init__(self) -> None:
        self._segments: SegmentTable | None = None
        self._overrides: Mapping[str, Place] = {}
        self.revision = 0
        """Of the imported table, as far as it was read."""

    async def load(self, database: Database) -> None:
        """Read the segment table (in a thread) and the overrides; without PostgreSQL, none."""
        self._segments = await asyncio.to_thread(SegmentTable)
        try:
            await self.reload(database)
        except DatabaseUnavailable:
            log.warning("place_overrides_not_loaded")

    async def reload(self, database: Database) -> None:
        """Read the imported table again, a few thousand rows at a time. Raises DatabaseUnavailable."""
        revision = await store.revision(database)
        places: dict[tuple[str | None, str, str], Place] = {}
        found: dict[str, Place] = {}
        async for page in store.pages(database):
            for prefix, province, city, code, _ in page:
                place = (code, province, city)
                found[prefix] = places.setdefault(place, Place(*place))
        self._overrides, self.revision = found, revision
        log.info("places_loaded", imported=len(found))

    def find(self, number: str | None, own: Place | None = None) -> Place | None:
        """The home of a number in `normalise`'s form, None when unknown (or a 400/800 number)."""
        return self.look_up(number, own).place

    def look_up(self, number: str | None, own: Place | None = None) -> Home:
        """Like `find`, and by what it is known."""
        if own is not None:
            return Home(own, "customer")
        if number is None:
            return Home()
        imported = self._overridden(number)
        if imported is not None:
            return Home(imported, "imported")
        place = self._by_table(number)
        by: Source = "segment" if is_mobile(number) else "area_code"
        return Home(place, by) if place is not None else Home()

    def _overridden(self, number: str) -> Place | None:
        if not self._overrides:
            return None
        for length in range(min(len(number), _LONGEST_PREFIX), 0, -1):
            place = self._overrides.get(number[:length])
            if place is not None:
                return place
        return None

    def _by_table(self, number: str) -> Place | None:
        if self._segments is None:
            return None
        if is_mobile(number):
            return self._segments.mobile(number)
        code = area_code(number)
        return self._segments.landline(code) if code else None


def _places_of_codes(table: bytes, first_segment: int) -> dict[str, Place]:
    segments = memoryview(table)[first_segment:]
    sizes = Counter(offset for _, offset, _ in _SEGMENT.iter_unpack(segments))
    found: dict[str, Place] = {}
    for offset, _ in sizes.most_common():
        record = table[offset : table.index(b"\0", offset)].decode()
        province, city, _zip, code = record.split("|")
        place = _place(code, province, city)
        found.setdefault(place.area_code or "", place)
    return found


def _place(code: str, province: str, city: str) -> Place:
    """The table writes one code with two zeros, one league (盟) with its suffix, and some districts
    of a municipality as its cities.
    """
    city = province if province in _MUNICIPALITIES else city.removesuffix("盟")
    return Place(f"0{code.lstrip('0')}", province, city)

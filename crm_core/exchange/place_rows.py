"""Rows of files that say where numbers are at home: a prefix (号段, seven digits of a mobile, or an area code), its
province and city, perhaps the area code and the carrier.

Rule: pure; what cannot be read for certain is refused with a sentence.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from crm_core.errors import Invalid
from crm_core.exchange.records import Refused
from crm_core.exchange.values import Cell, text
from crm_core.search_text import plain

HEADERS: Final = ("号段", "省", "市", "区号", "运营商")
"""As exports name the columns."""
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "prefix": ("号段", "前缀", "号码段", "手机号段", "手机号前七位", "号码前缀", "prefix", "segment", "mobile", "phone"),
    "province": ("省", "省份", "所在省", "归属省", "province"),
    "city": ("市", "城市", "地市", "归属地", "归属市", "city"),
    "area_code": ("区号", "电话区号", "区域代码", "areacode", "area_code", "citycode"),
    "carrier": ("运营商", "服务商", "卡类型", "carrier", "isp", "operator"),
}  # fmt: skip
_PREFIX = re.compile(r"\+\d{1,15}|[14-9]\d{1,15}|0\d{1,15}", re.ASCII)
_HIDDEN_END = re.compile(r"[*xX]+$")
_AREA_CODE = re.compile(r"0(?:10|2\d|[3-9]\d{2})", re.ASCII)
_PROVINCE_ENDS = re.compile(r"(?:省|市|(?:壮族|回族|维吾尔)?自治区|特别行政区)$")
_CITY_ENDS = re.compile(r"(?:市|盟|地区)$")
_MUNICIPALITIES = frozenset({"北京", "上海", "天津", "重庆"})
_LONGEST_NAME = 20


@dataclass(frozen=True, slots=True)
class Segment:
    """Where numbers with this prefix are at home; names without their suffixes (河北 石家庄)."""

    prefix: str
    area_code: str | None
    province: str
    city: str
    carrier: str | None


class SegmentReader:
    """Raises Invalid when a column that is needed is not there."""

    def __init__(self, headers: Sequence[str]) -> None:
        named = {
            plain(name).replace(" ", ""): place for place, name in reversed([*enumerate(headers)])
        }
        self._places = {
            field: next((named[name] for name in names if name in named), None)
            for field, names in _NAMES.items()
        }
        missing = [_NAMES[each][0] for each in ("prefix", "province") if self._places[each] is None]
        if missing:
            raise Invalid(
                f"The file has no column {' and no column '.join(missing)}: its first row must name"
                f" them ({', '.join(HEADERS)}).",
                fields={"headers": "missing"},
            )

    def read(self, row: int, cells: Sequence[Cell], fault: str | None = None) -> Segment | Refused:
        """`fault`: why the row itself cannot be read."""
        if fault:
            return Refused(row, cells, (fault,))
        found = {field: self._cell(cells, place) for field, place in self._places.items()}
        reasons: list[str] = []
        prefix = _prefix(found["prefix"], reasons)
        province = _PROVINCE_ENDS.sub("", found["province"])
        city = _CITY_ENDS.sub("", found["city"]) if len(found["city"]) > 2 else found["city"]  # noqa: PLR2004
        city = province if province in _MUNICIPALITIES else city
        for name, value in (("province", province), ("city", city), ("carrier", found["carrier"])):
            if not value and name != "carrier":
                reasons.append(f"{name} is missing")
            elif len(value) > _LONGEST_NAME:
                reasons.append(f"{name} “{value[:40]}” is longer than {_LONGEST_NAME} characters")
        area_code = _area_code(found["area_code"], prefix, reasons)
        if reasons:
            return Refused(row, cells, tuple(reasons))
        return Segment(prefix, area_code, province, city, found["carrier"] or None)

    def _cell(self, cells: Sequence[Cell], place: int | None) -> str:
        if place is None or place >= len(cells):
            return ""
        written = unicodedata.normalize("NFKC", text(cells[place]) or "")
        return "".join(written.split())


def _prefix(written: str, reasons: list[str]) -> str:
    prefix = _HIDDEN_END.sub("", written)
    if _PREFIX.fullmatch(prefix):
        return prefix
    if re.fullmatch(r"[23][0-9]{1,2}", prefix):
        reasons.append(f"prefix “{prefix}”: an area code begins with 0, format the column as text")
    else:
        reasons.append(
            f"prefix “{written[:40]}” is not 2 to 16 digits of a number"
            if written
            else "prefix is missing"
        )
    return prefix


def _area_code(written: str, prefix: str, reasons: list[str]) -> str | None:
    """Excel drops the 0 before it; that of a landline's prefix goes without saying."""
    if not written:
        return prefix if _AREA_CODE.fullmatch(prefix) else None
    code = written if written.startswith("0") else f"0{written}"
    if _AREA_CODE.fullmatch(code) is None:
        reasons.append(f"“{written[:40]}” is no area code: write it as 022 or 0311")
    return code

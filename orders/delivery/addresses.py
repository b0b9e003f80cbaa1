"""An address on one line, taken apart. Rule: pure; what cannot be told for certain stays in the street, and
nothing of the text is lost.
"""

import re
from dataclasses import dataclass

_MUNICIPALITIES = "北京|天津|上海|重庆"
_PARTS = re.compile(
    rf"(?P<province>(?:{_MUNICIPALITIES})市|[^省市区县路街]{{2,7}}?(?:省|自治区|特别行政区))?"
    r"(?P<city>[^市区县路街镇乡]{2,10}?(?:市|自治州|地区|盟))?"
    r"(?P<district>路?[^市区县路街镇乡0-9０-９]{1,9}?(?:(?<![小社园])区|县|旗))?"
    r"(?P<street>.*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Parts:
    province: str | None
    city: str | None
    district: str | None
    street: str


def one_line(province: str | None, city: str | None, district: str | None, street: str) -> str:
    """As it is written on one line; what the street repeats stands there once."""
    above = [part for part in (province, city, district) if part]
    if above[:1] == above[1:2]:
        del above[:1]
    written = "".join(above)
    return street if street.startswith(written) else written + street


def apart(line: str) -> Parts:
    """河北省唐山市路北区建设路1号 → its four parts; a municipality is its own city."""
    found = _PARTS.fullmatch(line.strip())
    assert found is not None
    province, city, district, street = found.group("province", "city", "district", "street")
    if not street:
        return Parts(None, None, None, line.strip())
    if province and province[:-1] in _MUNICIPALITIES.split("|"):
        city = city or province
    elif city and city[:-1] in _MUNICIPALITIES.split("|"):
        province = province or city
    return Parts(province, city, district, street)

"""Names of provinces and cities as people write them. Rule: pure; 河北, 河北省 and 河北省/唐山市 are compared by
what is left without the words for what they are.
"""

import re

# The words that end a name of the first two levels of China's divisions, the longest first.
_KINDS = re.compile(
    r"(?<=.)(?:特别行政区|维吾尔自治区|壮族自治区|回族自治区|自治区|自治州|地区|省|市|盟)$"
)


def short(name: str | None) -> str:
    """天津市 → 天津; None is nothing."""
    return _KINDS.sub("", (name or "").strip())


def key(area: str) -> tuple[str, ...]:
    """河北省/唐山市 → (河北, 唐山)."""
    return tuple(short(part) for part in area.split("/") if part.strip())


def specificity(area: str, province: str | None, city: str | None) -> int:
    """How closely an area holds a place: 2 its city, 1 its province, 0 not at all."""
    wanted = key(area)
    there = (short(province), short(city))
    return len(wanted) if wanted and there[: len(wanted)] == wanted else 0


def holds(areas: tuple[str, ...], province: str | None, city: str | None) -> int | None:
    """The closest of the areas; 0 when there are none, which is everywhere; None when none holds it."""
    if not areas:
        return 0
    return max((specificity(area, province, city) for area in areas), default=0) or None

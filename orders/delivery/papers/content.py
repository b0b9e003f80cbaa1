"""What stands on papers. Rule: read from the database once, for all of them; drawing asks nothing."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends; from the settings."""

    name: str
    phone: str = ""
    address: str = ""
    postcode: str = ""


@dataclass(frozen=True, slots=True)
class Goods:
    sku: str
    name: str
    specification: str | None
    unit: str
    quantity: int
    unit_price: Decimal
    line_total: Decimal


@dataclass(frozen=True, slots=True)
class Parcel:
    """A waybill as it is printed; `printed_at` is in the company's zone."""

    courier: str
    number: str
    order_number: str
    recipient: str
    phone: str
    province: str
    city: str
    district: str
    street: str
    line: str
    postcode: str
    urgent: bool
    weight_g: int
    cod_amount: Decimal
    total: Decimal
    discount: Decimal
    note: str
    goods: tuple[Goods, ...]
    printed_at: datetime

    @property
    def kilograms(self) -> str:
        return f"{Decimal(self.weight_g) / 1000:.2f} kg"

    @property
    def contents(self) -> str:
        return "、".join(f"{each.name}×{each.quantity}{each.unit}" for each in self.goods)


@dataclass(frozen=True, slots=True)
class Pick:
    """Base units of one product to be taken from one place, and how many of them for which order.

    `batch_no` is None for goods without a shelf life, and for those that are `missing`: of no batch that may be sold.
    """

    sku: str
    name: str
    specification: str | None
    unit: str
    orders: tuple[tuple[str, int], ...]
    batch_no: str | None = None
    expires_on: date | None = None
    missing: bool = False

    @property
    def quantity(self) -> int:
        return sum(quantity for _, quantity in self.orders)


@dataclass(frozen=True, slots=True)
class PickingSheet:
    """What is taken in one warehouse."""

    warehouse: str
    picks: tuple[Pick, ...]


@dataclass(frozen=True, slots=True)
class LoadStop:
    place: int
    order_number: str
    number: str
    recipient: str
    phone: str
    line: str
    weight_g: int
    cash_due: Decimal
    contents: str


@dataclass(frozen=True, slots=True)
class LoadSheet:
    number: str
    day: date
    route: str
    plate: str
    driver: str
    driver_phone: str
    stops: tuple[LoadStop, ...]


_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_UNITS = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿")


def in_words(amount: Decimal) -> str:
    """The sum as papers want it: 1,020.50 → 壹仟零贰拾元伍角整."""
    fen = int((amount * 100).to_integral_value())
    yuan, jiao, left = fen // 100, fen // 10 % 10, fen % 10
    written = f"{_whole(yuan)}元" if yuan else ""
    if not jiao and not left:
        return f"{written or '零元'}整"
    if jiao:
        written += f"{_DIGITS[jiao]}角"
    elif written:
        written += "零"
    return written + (f"{_DIGITS[left]}分" if left else "整")


def _whole(number: int) -> str:
    groups: list[int] = []
    while number:
        groups.append(number % 10_000)
        number //= 10_000
    written = ""
    for place in reversed(range(len(groups))):
        group = groups[place]
        if not group:
            continue
        gap = written and (
            not group // 1_000 or (place + 1 < len(groups) and not groups[place + 1])
        )
        written += ("零" if gap else "") + _group(group) + _GROUPS[place]
    return written


def _group(number: int) -> str:
    written, gap = "", False
    for place in reversed(range(4)):
        digit = number // 10**place % 10
        if digit:
            written += ("零" if gap and written else "") + _DIGITS[digit] + _UNITS[place]
        gap = not digit
    return written

"""Papers of Yonyou's open platform. Rule: pure; what is not understood is left out, never guessed."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from orders.connections.asking import member
from orders.connections.connectors.yonyou.settings import Settings
from orders.connections.papers import (
    Changes,
    LeavingLine,
    LeavingOrder,
    OutsideCount,
    OutsideState,
    Place,
)
from orders.money import to_fen

_CHINA = ZoneInfo("Asia/Shanghai")
_HUNDRED = Decimal(100)
PAGE = 500


def save(settings: Settings, order: LeavingOrder, replaced: str | None = None) -> dict[str, Any]:
    """The body of singleSave. `resubmitCheckKey` makes a second one of the same key no second order; `replaced` is
    their id of the one that was deleted before.
    """
    return {
        "data": {
            "_status": "Insert",
            "resubmitCheckKey": _key(order, replaced),
            "code": order.number,
            "salesOrgId": settings.organisation,
            "settlementOrgId": settings.organisation,
            "transactionTypeId": settings.transaction_type,
            "vouchdate": f"{order.day.isoformat()} 00:00:00",
            "agentId": order.customer_code,
            "receiveAddress": order.address or "",
            "memo": order.note or "",
            "payMoney": str(order.total),
            "particularlyMoney": str(order.discount),
            "taxInclusive": True,
            "orderDetails": [_detail(settings, line) for line in order.lines],
        }
    }


def _key(order: LeavingOrder, replaced: str | None) -> str:
    """Of 32 characters at most, and another one after each deletion and each change."""
    if replaced is not None:
        said = f"{order.number} {replaced}".encode()
        return f"zongji-{hashlib.sha256(said).hexdigest()[:24]}"
    return f"zongji-{order.number}" + (f"-{order.version}" if order.version > 1 else "")


def _detail(settings: Settings, line: LeavingLine) -> dict[str, Any]:
    return {
        "_status": "Insert",
        "productId": line.code,
        "masterUnitId": settings.unit,
        "stockOrgId": settings.organisation,
        "subQty": line.quantity,
        "qty": line.quantity,
        "oriTaxUnitPrice": str(line.price),
        "oriSum": str(to_fen(line.price * line.quantity)),
        "taxRate": str(line.tax_rate * _HUNDRED),
        "orderProductType": "SALE" if line.price else "GIFT",
    }


def read_lines(data: dict[str, Any]) -> tuple[LeavingLine, ...]:
    """The lines of such a paper."""
    return tuple(
        LeavingLine(
            each["productId"],
            int(each["qty"]),
            Decimal(each["oriTaxUnitPrice"]),
            Decimal(each["taxRate"]) / _HUNDRED,
        )
        for each in data["data"]["orderDetails"]
    )


def by_number(number: str) -> dict[str, Any]:
    return {"pageIndex": 1, "pageSize": 1, "code": number, "isSum": True}


def named(row: Any) -> dict[str, Any]:
    """The body of what is done to one order."""
    return {"data": [{"id": member(row, "id")}]}


def deleted(row: Any) -> dict[str, Any]:
    return {"data": {"id": [member(row, "id")], "code": [member(row, "code")]}}


def changed_from(place: Place) -> dict[str, Any]:
    """The query for a page of states, the earliest change first; its answer is for `changes`."""
    moment = place.at.astimezone(_CHINA).strftime("%Y-%m-%d %H:%M:%S")
    return {
        "pageIndex": place.skip // PAGE + 1,
        "pageSize": PAGE,
        "isSum": True,
        "simpleVOs": [{"field": "pubts", "op": "egt", "value1": moment}],
        "queryOrders": [{"field": "pubts", "order": "asc"}, {"field": "id", "order": "asc"}],
    }


def changes(settings: Settings, rows: Sequence[Any], place: Place) -> Changes:
    """A full page goes on."""
    full = len(rows) >= PAGE
    goes_on = place.after(len(rows), _moment(member(rows[-1], "pubts"))) if full else None
    return Changes(states(settings, rows), goes_on)


def stock_of(settings: Settings, codes: Sequence[str]) -> dict[str, Any]:
    return {"org": settings.organisation, "productCodes": list(codes)}


def records(answer: Any) -> list[Any]:
    """The rows of a list's answer."""
    found = member(answer, "data", "recordList")
    return found if isinstance(found, list) else []


def states(settings: Settings, rows: Iterable[Any]) -> tuple[OutsideState, ...]:
    """Those that the settings name."""
    found = []
    for row in rows:
        name, number = member(row, "nextStatusName"), member(row, "code")
        changed = _moment(member(row, "pubts"))
        if name in settings.states and number and changed is not None:
            version = int(changed.timestamp())
            found.append(
                OutsideState(number=str(number), status=settings.states[name], version=version)
            )
    return tuple(found)


def counts(answer: Any) -> tuple[OutsideCount, ...]:
    """One for each product, whatever the warehouses."""
    rows = member(answer, "data")
    sums: dict[str, Decimal] = {}
    for row in rows if isinstance(rows, list) else []:
        try:
            count = OutsideCount(
                code=str(member(row, "product_code")),
                quantity=Decimal(str(member(row, "currentqty"))),
            )
        except (ArithmeticError, ValidationError):
            continue
        sums[count.code] = sums.get(count.code, Decimal(0)) + count.quantity
    return tuple(OutsideCount(code=code, quantity=quantity) for code, quantity in sums.items())


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=_CHINA)
    except ValueError:
        return None

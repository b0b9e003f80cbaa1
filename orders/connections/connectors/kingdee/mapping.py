"""Papers of Kingdee's WebAPI. Rule: pure; what is not understood is left out, never guessed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from orders.connections.connectors.kingdee.settings import Settings
from orders.connections.papers import (
    Changes,
    LeavingLine,
    LeavingOrder,
    OutsideCount,
    OutsideState,
    Place,
)

FORM = "SAL_SaleOrder"
STOCK_FORM = "STK_Inventory"
PAGE = 2000
_HUNDRED = Decimal(100)
_CHINA = ZoneInfo("Asia/Shanghai")
_CLOSED = _VOID = "B"
STATE_FIELDS = "FBillNo,FDocumentStatus,FCloseStatus,FModifyDate"


@dataclass(frozen=True, slots=True)
class Bill:
    """An order as it is there; `id` is theirs."""

    id: int
    number: str
    status: str
    void: bool


def save(settings: Settings, order: LeavingOrder, bill_id: int = 0) -> dict[str, Any]:
    """The data of Save: prices hold the tax (`FTaxPrice`), rates are in per cent. With `bill_id` in place of that
    bill's content, lines and all.
    """
    organisation = {"FNumber": settings.organisation}
    return {
        "NeedReturnFields": ["FBillNo"],
        "IsVerifyBaseDataField": "true",
        "IsAutoSubmitAndAudit": "false",
        "IsDeleteEntry": "true",
        "Model": {
            "FID": bill_id,
            "FBillTypeID": {"FNUMBER": settings.bill_type},
            "FBillNo": order.number,
            "FDate": order.day.isoformat(),
            "FSaleOrgId": organisation,
            "FCustId": {"FNumber": order.customer_code},
            "FReceiveAddress": order.address or "",
            "FNote": order.note or "",
            "FSaleOrderFinance": {
                "FSettleCurrId": {"FNumber": settings.currency},
                "FIsIncludedTax": True,
                "FAllDisCount": str(order.discount),
            },
            "FSaleOrderEntry": [_entry(settings, line, organisation) for line in order.lines],
        },
    }


def _entry(settings: Settings, line: LeavingLine, organisation: dict[str, str]) -> dict[str, Any]:
    return {
        "FMaterialId": {"FNumber": line.code},
        "FUnitID": {"FNumber": settings.unit},
        "FQty": line.quantity,
        "FTaxPrice": str(line.price),
        "FEntryTaxRate": str(line.tax_rate * _HUNDRED),
        "FSettleOrgIds": organisation,
        "FIsFree": line.price == 0,
    }


def read_lines(data: dict[str, Any]) -> tuple[LeavingLine, ...]:
    """The lines of such a paper."""
    return tuple(
        LeavingLine(
            entry["FMaterialId"]["FNumber"],
            int(entry["FQty"]),
            Decimal(entry["FTaxPrice"]),
            Decimal(entry["FEntryTaxRate"]) / _HUNDRED,
        )
        for entry in data["Model"]["FSaleOrderEntry"]
    )


def by_number(number: str) -> dict[str, Any]:
    """The query for one order; its answer is for `bill`."""
    return _query(
        FORM, "FID,FBillNo,FDocumentStatus,FCancelStatus", f"FBillNo = {_quoted(number)}", 1
    )


def bill(rows: Sequence[Any]) -> Bill | None:
    """None when there is none."""
    if not rows:
        return None
    bill_id, number, status, cancelled = (list(rows[0]) + [None] * 4)[:4]
    return Bill(int(bill_id), str(number), str(status), cancelled == _VOID)


def changed_from(place: Place) -> dict[str, Any]:
    """The query for a page of states, the earliest change first; its answer is for `changes`."""
    moment = place.at.astimezone(_CHINA).strftime("%Y-%m-%d %H:%M:%S")
    wanted = f"FModifyDate >= {_quoted(moment)}"
    return _query(
        FORM, STATE_FIELDS, wanted, PAGE, order="FModifyDate ASC,FBillNo ASC", start=place.skip
    )


def stock_of(codes: Sequence[str], start: int) -> dict[str, Any]:
    wanted = ",".join(map(_quoted, codes))
    fields = "FMaterialId.FNumber,FBaseQty"
    return _query(
        STOCK_FORM, fields, f"FMaterialId.FNumber IN ({wanted})", PAGE, order="FID ASC", start=start
    )


def changes(settings: Settings, rows: Sequence[Any], place: Place) -> Changes:
    """A full page goes on."""
    full = len(rows) >= PAGE
    goes_on = place.after(len(rows), _moment(list(rows[-1])[-1])) if full else None
    return Changes(states(settings, rows), goes_on)


def states(settings: Settings, rows: Iterable[Any]) -> tuple[OutsideState, ...]:
    """Rows of `STATE_FIELDS`; the states that the settings name."""
    found = []
    for row in rows:
        number, status, closed, changed = (list(row) + [None] * 4)[:4]
        name = "closed" if closed == _CLOSED else str(status)
        if name in settings.states and (at := _moment(changed)) is not None:
            found.append(
                OutsideState(
                    number=str(number), status=settings.states[name], version=int(at.timestamp())
                )
            )
    return tuple(found)


def counts(rows: Iterable[Any]) -> tuple[OutsideCount, ...]:
    """One for each material, whatever the warehouses."""
    sums: dict[str, Decimal] = {}
    for row in rows:
        try:
            code, quantity = str(row[0]), Decimal(str(row[1]))
            sums[code] = (
                sums.get(code, Decimal(0)) + OutsideCount(code=code, quantity=quantity).quantity
            )
        except (IndexError, TypeError, ArithmeticError, ValidationError):
            continue
    return tuple(OutsideCount(code=code, quantity=quantity) for code, quantity in sums.items())


def _query(
    form: str, fields: str, wanted: str, limit: int, *, order: str = "", start: int = 0
) -> dict[str, Any]:
    return {
        "FormId": form,
        "FieldKeys": fields,
        "FilterString": wanted,
        "OrderString": order,
        "TopRowCount": 0,
        "StartRow": start,
        "Limit": limit,
    }


def _quoted(value: str) -> str:
    """A text in a filter; Kingdee doubles the quotation marks within."""
    return "'" + value.replace("'", "''") + "'"


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=_CHINA)
    except ValueError:
        return None

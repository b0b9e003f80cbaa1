"""Papers of Qimen, as XML. Rule: pure; a paper with a document type or entities is none."""

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from xml.etree import ElementTree as ET

from pydantic import ValidationError

from orders.connections.connectors.qimen.errors import no_paper
from orders.connections.connectors.qimen.settings import Settings
from orders.connections.papers import LeavingOrder, OutsideLine, OutsideOrder

CREATE, CANCEL, CONFIRM = "deliveryorder.create", "order.cancel", "deliveryorder.confirm"
_DOCTYPE = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_MOST_DIGITS = 12
_PLACES = ("province", "city", "area", "town", "detailAddress")


def read(method: str, body: bytes, version: int) -> OutsideOrder:
    """The paper in neither side's words. Raises ConnectorError."""
    root = _parsed(body)
    try:
        if method.endswith(CANCEL):
            return OutsideOrder(
                number=_text(root, "orderCode") or "", version=version, lines=(), cancelled=True
            )
        if method.endswith(CREATE):
            return _created(root, version)
    except (ValidationError, InvalidOperation, ValueError) as error:
        raise no_paper(f"the paper has a value that cannot be: {_where(error)}") from error
    raise no_paper(f"there is no method {method[:60]} here")


def write(order: OutsideOrder) -> bytes:
    """Such a paper of this order: deliveryorder.create, or order.cancel."""
    root = ET.Element("request")
    if order.cancelled:
        _add(root, "orderCode", order.number)
        return _bytes(root)
    head = ET.SubElement(root, "deliveryOrder")
    _add(head, "deliveryOrderCode", order.number)
    _add(head, "buyerNick", order.buyer_code)
    _add(head, "remark", order.note)
    if order.total is not None:
        _add(head, "gotAmount" if order.paid else "arAmount", str(order.total))
    receiver = ET.SubElement(head, "receiverInfo")
    _add(receiver, "name", order.buyer_name)
    _add(receiver, "mobile", order.phone)
    _add(receiver, "detailAddress", order.address)
    lines = ET.SubElement(root, "orderLines")
    for line in order.lines:
        entry = ET.SubElement(lines, "orderLine")
        _add(entry, "itemCode", line.code)
        _add(entry, "itemName", line.name)
        _add(entry, "planQty", str(line.quantity))
        if line.price is not None:
            _add(entry, "actualPrice", str(line.price))
    return _bytes(root)


def confirm(settings: Settings, order: LeavingOrder, at: datetime) -> bytes:
    """deliveryorder.confirm: it has left our house."""
    root = ET.Element("request")
    head = ET.SubElement(root, "deliveryOrder")
    _add(head, "deliveryOrderCode", order.outside_key or order.number)
    _add(head, "deliveryOrderId", order.number)
    _add(head, "warehouseCode", settings.warehouse)
    _add(head, "orderType", "JYCK")
    _add(head, "status", "DELIVERED")
    _add(head, "outBizCode", f"{order.number}-{order.status}")
    _add(head, "confirmType", "0")
    _add(head, "orderConfirmTime", f"{at:%Y-%m-%d %H:%M:%S}")
    lines = ET.SubElement(root, "orderLines")
    for line in order.lines:
        entry = ET.SubElement(lines, "orderLine")
        _add(entry, "itemCode", line.code)
        _add(entry, "actualQty", str(line.quantity))
    return _bytes(root)


def reply(error: str | None) -> bytes:
    """What a sender reads."""
    root = ET.Element("response")
    _add(root, "flag", "success" if error is None else "failure")
    _add(root, "code", "0" if error is None else "refused")
    _add(root, "message", error or "ok")
    return _bytes(root)


def read_reply(body: bytes) -> tuple[bool, str, str]:
    """Whether it was taken, with code and message. Raises ConnectorError."""
    root = _parsed(body)
    code = _text(root, "code") or _text(root, "sub_code") or ""
    return _text(root, "flag") == "success", code, _text(root, "message") or ""


def _created(root: ET.Element, version: int) -> OutsideOrder:
    head = root.find("deliveryOrder")
    if head is None:
        raise no_paper("there is no deliveryOrder in it")
    got, due = _amount(head, "gotAmount"), _amount(head, "arAmount")
    receiver = head.find("receiverInfo")
    here = receiver if receiver is not None else ET.Element("receiverInfo")
    return OutsideOrder(
        number=_text(head, "deliveryOrderCode") or "",
        version=version,
        lines=tuple(_line(entry) for entry in root.iterfind("orderLines/orderLine")),
        buyer_code=_text(head, "buyerNick"),
        buyer_name=_text(here, "name"),
        phone=_text(here, "mobile") or _text(here, "tel"),
        address="".join(filter(None, (_text(here, name) for name in _PLACES))) or None,
        note=_joined(_text(head, name) for name in ("remark", "buyerMessage", "sellerMessage")),
        paid=got is not None and not due,
        total=got if got is not None and not due else _sum(got, due),
    )


def _line(entry: ET.Element) -> OutsideLine:
    quantity = _amount(entry, "planQty") or Decimal(0)
    if quantity != int(quantity):
        raise ValueError("planQty")
    return OutsideLine(
        code=_text(entry, "itemCode") or "",
        quantity=int(quantity),
        price=_amount(entry, "actualPrice"),
        name=_text(entry, "itemName"),
    )


def _amount(parent: ET.Element, name: str) -> Decimal | None:
    """Raises ValueError, InvalidOperation. One with an exponent could be larger than memory."""
    found = _text(parent, name)
    if found is None:
        return None
    amount = Decimal(found)
    if not amount.is_finite() or abs(amount.adjusted()) > _MOST_DIGITS:
        raise ValueError(name)
    return amount


def _sum(*amounts: Decimal | None) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def _joined(texts: Iterable[str | None]) -> str | None:
    return " ".join(filter(None, texts)) or None


def _text(parent: ET.Element, name: str) -> str | None:
    return (parent.findtext(name) or "").strip() or None


def _add(parent: ET.Element, name: str, value: str | None) -> None:
    if value is not None:
        ET.SubElement(parent, name).text = value


def _bytes(root: ET.Element) -> bytes:
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _parsed(body: bytes) -> ET.Element:
    try:
        text = body.decode()
        if _DOCTYPE.search(text):
            raise no_paper("a document type or entities are not taken")
        return ET.fromstring(text)  # noqa: S314 - it has no document type, so no entities
    except (ET.ParseError, ValueError) as error:
        raise no_paper("it is not XML") from error


def _where(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return ", ".join(".".join(map(str, each["loc"])) for each in error.errors()[:5])
    return str(error)[:100] or type(error).__name__

"""What customers are told of their orders, by `order_` and the status reached.

Rule: every status that the flow tells of has words, and none other: of goods that come back a return tells
(`orders.aftersales`). Lines with a courier, a waybill, a day, a reason or a link are left out when there is none.
"""

from crm_core.outbox.wording import Wording, Words

_TRACK_ZH = "预计送达:{date}\n快递公司:{courier}\n运单号:{waybill}\n查看进度:{link}\n"
_TRACK_EN = "Expected: {date}\nCourier: {courier}\nWaybill: {waybill}\nFollow it: {link}\n"


def _zh(subject: str, said: str, more: str = "查看进度:{link}\n") -> Wording:
    return Wording(f"订单 {{number}} {subject}", f"您好,\n\n{said}\n{more}\n{{company}}\n")


def _en(subject: str, said: str, more: str = "Follow it: {link}\n") -> Wording:
    return Wording(subject, f"Hello,\n\n{said}\n{more}\n{{company}}\n")


_ZH = {
    "order_placed": _zh("已收到", "您的订单 {number} 已收到,金额 {total} 元。我们会尽快为您配货。"),
    "order_review": _zh(
        "正在审核", "您的订单 {number}(金额 {total} 元)已收到,正在审核,审核后我们会通知您。"
    ),
    "order_reviewed": _zh(
        "已通过审核", "您的订单 {number}(金额 {total} 元)已通过审核,我们会尽快为您配货。"
    ),
    "order_backordered": _zh(
        "部分缺货",
        "您的订单 {number} 中的商品暂时缺货,到货后我们会尽快发出。",
    ),
    "order_picking": _zh("正在配货", "您的订单 {number} 正在配货。"),
    "order_shipped": _zh("已发货", "您的订单 {number} 已发货,请注意查收。", _TRACK_ZH),
    "order_in_transit": _zh("运输途中", "您的订单 {number} 正在送往您处。", _TRACK_ZH),
    "order_delivered": _zh("已交付", "您的订单 {number} 已交付。感谢您的惠顾。"),
    "order_settled": _zh("已结算", "您的订单 {number} 的货款 {total} 元已结清。感谢您的惠顾。"),
    "order_cancelled": _zh(
        "已取消", "您的订单 {number}(金额 {total} 元)已取消。", "原因:{reason}\n"
    ),
    "order_refused": _zh(
        "被拒收", "您的订单 {number} 未能交付,货物正在退回。", "原因:{reason}\n查看进度:{link}\n"
    ),
}
_EN = {
    "order_placed": _en(
        "We have your order {number}",
        "we have received your order {number} for CNY {total} and will pack it soon.",
    ),
    "order_review": _en(
        "Your order {number} is being reviewed",
        "we have received your order {number} for CNY {total}. It is being reviewed; we will tell you the result.",
    ),
    "order_reviewed": _en(
        "Your order {number} is approved",
        "your order {number} for CNY {total} is approved, and we will pack it soon.",
    ),
    "order_backordered": _en(
        "Goods of your order {number} are out of stock",
        "goods of your order {number} are out of stock. We will send them as soon as they are here.",
    ),
    "order_picking": _en(
        "Your order {number} is being packed", "your order {number} is being packed."
    ),
    "order_shipped": _en(
        "Your order {number} is on its way", "your order {number} has been shipped.", _TRACK_EN
    ),
    "order_in_transit": _en(
        "Your order {number} is coming",
        "your order {number} is on its way to you.",
        _TRACK_EN,
    ),
    "order_delivered": _en(
        "Your order {number} was delivered",
        "your order {number} was delivered. Thank you for buying from us.",
    ),
    "order_settled": _en(
        "Your order {number} is paid",
        "your order {number} for CNY {total} is paid in full. Thank you for buying from us.",
    ),
    "order_cancelled": _en(
        "Your order {number} is cancelled",
        "your order {number} for CNY {total} is cancelled.",
        "Reason: {reason}\n",
    ),
    "order_refused": _en(
        "Your order {number} was not accepted",
        "your order {number} could not be delivered and is coming back to us.",
        "Reason: {reason}\nFollow it: {link}\n",
    ),
}
# Shipping follows soon after packing, and of the money a receipt is told already.
_OFF = ("order_picking", "order_settled")
_AT_THE_DOOR = ("order_delivered", "order_refused")
_EVERY = frozenset({"number", "total"})
_PARCEL = frozenset({"courier", "waybill"})
ORDER_WORDS = Words(
    _ZH,
    _EN,
    {kind: _EVERY | (_PARCEL if kind in _AT_THE_DOOR else frozenset()) for kind in _ZH},
    {kind: kind not in _OFF for kind in _ZH},
)

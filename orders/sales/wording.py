"""What customers are told of their orders, by `order_` and the status reached."""

from crm_core.outbox.wording import Wording, Words

_ZH = {
    "order_placed": Wording(
        "订单 {number} 已收到",
        "您好,\n\n您的订单 {number} 已收到,金额 {total} 元。我们会尽快为您配货。\n\n{company}\n",
    ),
    "order_backordered": Wording(
        "订单 {number} 待补货",
        "您好,\n\n您的订单 {number}(金额 {total} 元)中的商品暂时缺货,到货后我们会尽快为您发出。\n\n{company}\n",
    ),
    "order_review": Wording(
        "订单 {number} 正在审核",
        "您好,\n\n您的订单 {number}(金额 {total} 元)已收到,正在审核,审核后我们会通知您。\n\n{company}\n",
    ),
    "order_reviewed": Wording(
        "订单 {number} 已通过审核",
        "您好,\n\n您的订单 {number}(金额 {total} 元)已通过审核,我们会尽快为您配货。\n\n{company}\n",
    ),
    "order_shipped": Wording(
        "订单 {number} 已发货",
        "您好,\n\n您的订单 {number} 已发货,请注意查收。\n\n{company}\n",
    ),
    "order_shipped_waybill": Wording(
        "订单 {number} 已发货",
        "您好,\n\n您的订单 {number} 已由{courier_zh}发出,运单号 {waybill},请注意查收。\n\n{company}\n",
    ),
    "order_delivered": Wording(
        "订单 {number} 已交付",
        "您好,\n\n您的订单 {number} 已交付。感谢您的惠顾。\n\n{company}\n",
    ),
    "order_cancelled": Wording(
        "订单 {number} 已取消",
        "您好,\n\n您的订单 {number}(金额 {total} 元)已取消。\n\n{company}\n",
    ),
}
_EN = {
    "order_placed": Wording(
        "We have your order {number}",
        "Hello,\n\nwe have received your order {number} for CNY {total} and will pack it soon.\n\n{company}\n",
    ),
    "order_backordered": Wording(
        "Your order {number} waits for goods",
        "Hello,\n\nthe goods of your order {number} for CNY {total} are out of stock. We will send them as soon as they have come.\n\n{company}\n",
    ),
    "order_review": Wording(
        "Your order {number} is being reviewed",
        "Hello,\n\nwe have received your order {number} for CNY {total}. It is being reviewed; we will tell you the result.\n\n{company}\n",
    ),
    "order_reviewed": Wording(
        "Your order {number} is approved",
        "Hello,\n\nyour order {number} for CNY {total} is approved, and we will pack it soon.\n\n{company}\n",
    ),
    "order_shipped": Wording(
        "Your order {number} is on its way",
        "Hello,\n\nyour order {number} has been shipped.\n\n{company}\n",
    ),
    "order_shipped_waybill": Wording(
        "Your order {number} is on its way",
        "Hello,\n\nyour order {number} has been shipped with {courier_en}, waybill {waybill}.\n\n{company}\n",
    ),
    "order_delivered": Wording(
        "Your order {number} was delivered",
        "Hello,\n\nyour order {number} was delivered. Thank you for buying from us.\n\n{company}\n",
    ),
    "order_cancelled": Wording(
        "Your order {number} is cancelled",
        "Hello,\n\nyour order {number} for CNY {total} is cancelled.\n\n{company}\n",
    ),
}
ORDER_WORDS = Words(_ZH, _EN)

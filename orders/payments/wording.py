"""What customers are told of their payments."""

from crm_core.outbox.wording import Wording, Words

_ZH = {
    "payment_received": Wording(
        "订单 {number} 已收款",
        "您好,\n\n我们已收到您为订单 {number} 支付的 {amount} 元。谢谢!\n\n{company}\n",
    ),
    "payment_refunded": Wording(
        "订单 {number} 已退款",
        "您好,\n\n订单 {number} 的退款 {amount} 元已退出,请注意查收。\n\n{company}\n",
    ),
}
_EN = {
    "payment_received": Wording(
        "Your payment for order {number}",
        "Hello,\n\nwe have received your payment of CNY {amount} for order {number}. Thank you.\n\n{company}\n",
    ),
    "payment_refunded": Wording(
        "Refund for order {number}",
        "Hello,\n\nCNY {amount} of order {number} have been sent back to you.\n\n{company}\n",
    ),
}
PAYMENT_WORDS = Words(_ZH, _EN)
DIFFERENCE_TITLES = {
    "zh": "收款差异待处理:{kind} {reference}",
    "en": "Payment difference to look at: {kind} {reference}",
}

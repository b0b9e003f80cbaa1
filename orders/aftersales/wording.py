"""What customers are told of returns and exceptions, and what is asked of those who decide. Rule: an apology says the
kind's sentence and then the level's; a business replaces each by its own (`crm_core.messages`).
"""

from crm_core.outbox.wording import Wording, Words

TODO_TITLES = {
    "zh": "异常单 {number}(订单 {order},{level} 级)待处理",
    "en": "Exception {number} (order {order}, level {level}) is to be decided",
}

_SORRY_ZH = {
    "cancellation": ("取消事宜已处理", "关于您的订单 {number} 的取消,我们已处理,未能让您满意,我们深表歉意。"),
    "delay": ("延误致歉", "您的订单 {number} 未能按时送达,我们深表歉意。"),
    "defect": ("质量问题致歉", "您的订单 {number} 中的商品有质量问题,我们深表歉意。"),
    "dispute": ("反馈处理结果", "您对订单 {number} 提出的意见,我们已认真核实,给您带来的困扰,我们深表歉意。"),
}  # fmt: skip
_LEVEL_ZH = {
    1: "我们会引以为戒,感谢您的谅解。",
    2: "我们已安排主管专门跟进,避免再次发生,感谢您的谅解。",
    3: "公司负责人已亲自过问此事,并将整改到底,再次向您郑重道歉。",
}
_SORRY_EN = {
    "cancellation": (
        "The cancellation of your order {number}",
        "we have seen to the cancellation of your order {number} and are sorry that it came to that.",
    ),
    "delay": (
        "Your order {number} is late",
        "your order {number} did not arrive in time. We are sorry.",
    ),
    "defect": (
        "Faulty goods in your order {number}",
        "goods of your order {number} were faulty. We are sorry.",
    ),
    "dispute": (
        "What you told us of order {number}",
        "we have looked into what you told us of your order {number}, and are sorry for the trouble.",
    ),
}
_LEVEL_EN = {
    1: "We will learn from it. Thank you for your patience.",
    2: "A supervisor sees to it that it does not happen again. Thank you for your patience.",
    3: "Our management has taken this up in person and will put it right. Please accept our apologies once more.",
}


def _apologies_zh() -> dict[str, Wording]:
    return {
        f"exception_{kind}_{level}": Wording(
            f"订单 {{number}} {subject}",
            f"您好,\n\n{said}\n处理结果:{{reason}}\n{more}\n异常单号:{{exception}}\n\n{{company}}\n",
        )
        for kind, (subject, said) in _SORRY_ZH.items()
        for level, more in _LEVEL_ZH.items()
    }


def _apologies_en() -> dict[str, Wording]:
    return {
        f"exception_{kind}_{level}": Wording(
            subject,
            f"Hello,\n\n{said}\nWhat we do: {{reason}}\n{more}\nReference: {{exception}}\n\n{{company}}\n",
        )
        for kind, (subject, said) in _SORRY_EN.items()
        for level, more in _LEVEL_EN.items()
    }


_ZH = {
    "return_approved": Wording(
        "订单 {number} 的退换货已受理",
        "您好,\n\n您的订单 {number} 的退换货申请 {return} 已受理,请将商品寄回,并注明该单号。\n\n{company}\n",
    ),
    "return_rejected": Wording(
        "订单 {number} 的退换货未通过",
        "您好,\n\n很抱歉,您的订单 {number} 的退换货申请 {return} 未通过。\n原因:{reason}\n\n{company}\n",
    ),
    "return_received": Wording(
        "订单 {number} 的退货已收到",
        "您好,\n\n您的订单 {number} 的退货 {return} 已收到,商品金额 {amount} 元;已付的款项将原路退回。\n\n{company}\n",
    ),
    "return_exchanged": Wording(
        "订单 {number} 的换货已安排",
        "您好,\n\n您的订单 {number} 的退件 {return} 已收到,换货订单 {replacement} 将尽快发出,无需另付款。\n\n{company}\n",
    ),
    "exception_refused": Wording(
        "订单 {number} 的反馈处理结果",
        "您好,\n\n关于订单 {number},我们已认真核实。很抱歉,此次无法按您的要求处理。\n原因:{reason}\n"
        "异常单号:{exception}\n\n{company}\n",
    ),
    **_apologies_zh(),
}
_EN = {
    "return_approved": Wording(
        "Your return of order {number}",
        "Hello,\n\nwe take back what you return of order {number}. Please send it with the number {return}.\n\n{company}\n",
    ),
    "return_rejected": Wording(
        "Your return of order {number}",
        "Hello,\n\nwe are sorry that we cannot take back what you want to return of order {number} ({return}).\n"
        "Reason: {reason}\n\n{company}\n",
    ),
    "return_received": Wording(
        "Your return of order {number} arrived",
        "Hello,\n\nwhat you returned of order {number} ({return}) has arrived; it is worth CNY {amount}. What you have "
        "paid for it goes back the way it came.\n\n{company}\n",
    ),
    "return_exchanged": Wording(
        "Your exchange of order {number}",
        "Hello,\n\nwhat you returned of order {number} ({return}) has arrived. We will soon send {replacement} for it, "
        "at no charge.\n\n{company}\n",
    ),
    "exception_refused": Wording(
        "What you told us of order {number}",
        "Hello,\n\nwe have looked into what you told us of your order {number}. We are sorry that we cannot do what you "
        "ask for.\nReason: {reason}\nReference: {exception}\n\n{company}\n",
    ),
    **_apologies_en(),
}
_GIVEN = {
    kind: frozenset({"number", "return" if kind.startswith("return") else "exception"})
    for kind in _ZH
}
AFTERSALES_WORDS = Words(_ZH, _EN, _GIVEN)

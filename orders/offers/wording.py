"""What customers are told of quotes. The lines are told only where nothing is attached and there is room: by fax."""

from crm_core.outbox.wording import Wording, Words

KIND = "quote_sent"
QUOTE_WORDS = Words(
    {
        KIND: Wording(
            "报价单 {number}",
            "您好,\n\n您的报价单 {number} 已备好,含税总额 {total} 元。\n有效期至:{date}\n{lines}\n"
            "如需订购,请与我们联系。\n\n{company}\n",
        )
    },
    {
        KIND: Wording(
            "Our quote {number}",
            "Hello,\n\nhere is our quote {number}: CNY {total} in all, tax included.\n"
            "Valid until: {date}\n{lines}\nCall us to order.\n\n{company}\n",
        )
    },
)

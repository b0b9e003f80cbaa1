"""What a person reads of a customer's change. Rule: whole sentences in each language."""

TITLES = {
    "zh": "客户通过链接修改了订单 {order}",
    "en": "The customer changed order {order} by the link",
}
NOTES = {
    "zh": {
        "wanted_on": "希望送达日期:{value}",
        "address": "新收货地址:{value}",
        "note": "客户留言:{value}",
    },
    "en": {
        "wanted_on": "Wished day: {value}",
        "address": "New delivery address: {value}",
        "note": "The customer says: {value}",
    },
}

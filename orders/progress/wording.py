"""What a person reads of a customer's change. Rule: whole sentences in each language; the new address
stands in the order alone, where a role may be kept from it.
"""

TITLES = {
    "zh": "客户通过链接修改了订单 {order}",
    "en": "The customer changed order {order} by the link",
}
NOTES = {
    "zh": {
        "wanted_on": "希望送达日期:{value}",
        "address": "收货地址已改:见订单",
        "note": "客户留言:{value}",
    },
    "en": {
        "wanted_on": "Wished day: {value}",
        "address": "The delivery address is another one: see the order",
        "note": "The customer says: {value}",
    },
}

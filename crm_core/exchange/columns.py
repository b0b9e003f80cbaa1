"""Which column of a file means which field of a customer's record.

Rule: a column is recognised by the names Chinese and English files give it; people may say otherwise. What
nobody recognises is left out, and said so.

In one cell: telephones and contacts as `甲、乙` (a telephone's label in brackets), territories as `天津、河北-唐山`, further
addresses and contacts' details a line each, their parts (`ADDRESS`, `CONTACT`) separated by `|`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crm_core.customers.custom_values import Definition
from crm_core.search_text import plain


@dataclass(frozen=True, slots=True)
class Column:
    """A field of the file; `title` is what exports call it, `names` how it may be called besides.

    `only_out`: what the house works out itself, and nobody brings in.
    """

    field: str
    title_zh: str
    title_en: str
    names: tuple[str, ...] = ()
    several: bool = False
    only_out: bool = False


COLUMNS: tuple[Column, ...] = (
    Column("code", "客户编码", "Customer code", ("编码", "客户编号", "编号", "客户代码", "代码", "code")),
    Column("name", "客户名称", "Name", ("名称", "姓名", "客户", "客户姓名", "公司名称", "单位名称", "店名")),
    Column(
        "phones", "电话", "Phones",
        ("手机", "手机号", "手机号码", "联系电话", "电话号码", "固话", "座机", "电话1", "电话2", "电话3",
         "phone", "mobile", "telephone"),
        several=True,
    ),
    Column("level", "客户等级", "Level", ("等级", "级别", "渠道级别", "客户级别")),
    Column("parent", "上级客户", "Parent", ("上级", "上级代理", "所属代理")),
    Column("parent_code", "上级编码", "Parent code", ("上级客户编码", "上级编号", "上级代码")),
    Column("salesperson", "业务员", "Salesperson", ("销售", "客户经理", "负责人", "跟单员")),
    Column("province", "省", "Province", ("省份", "所在省")),
    Column("city", "市", "City", ("城市", "地市", "所在市")),
    Column("area_code", "区号", "Area code", ()),
    Column("territories", "销售区域", "Territories", ("区域", "经销区域", "负责区域", "授权区域")),
    Column("address", "地址", "Address", ("详细地址", "收货地址", "送货地址", "联系地址")),
    Column("address_province", "地址省", "Address province", ("收货省", "收货省份")),
    Column("address_city", "地址市", "Address city", ("收货市", "收货城市")),
    Column("address_district", "地址区县", "Address district", ("区县", "收货区县")),
    Column("recipient", "收货人", "Recipient", ("收件人", "收货人姓名")),
    Column("address_phone", "收货电话", "Recipient's phone", ("收件人电话", "收货人电话", "收件电话")),
    Column("postcode", "邮编", "Postcode", ("邮政编码",)),
    Column("address_label", "地址标签", "Address label", ("地址类型",)),
    Column("more_addresses", "其他地址", "More addresses", ("更多地址",)),
    Column("contact", "联系人", "Contact", ("联系人姓名", "经办人")),
    Column("contact_details", "联系人资料", "Contact details", ("联系人明细",)),
    Column("price_policy", "价格政策", "Price policy", ("折扣", "价格等级")),
    Column("payment_terms", "付款条件", "Payment terms", ("账期", "结算方式", "付款方式")),
    Column("credit_limit", "信用额度", "Credit limit", ("额度", "授信额度")),
    Column("credit_used", "已用额度", "Credit used", only_out=True),
    Column("credit_overdue", "逾期总额", "Overdue in all", only_out=True),
    Column(
        "overdue_entered", "录入逾期金额", "Overdue entered",
        ("逾期金额", "逾期", "逾期欠款", "credit_overdue", "credit overdue"),
    ),
    Column("email", "邮箱", "E-mail", ("电子邮件", "电子邮箱", "email", "mail")),
    Column("fax", "传真", "Fax", ("传真号", "传真号码")),
    Column("wecom", "企业微信", "WeCom", ("企业微信账号", "企微")),
    Column("wecom_group", "企业微信群机器人", "WeCom group robot", ("群机器人", "企微群")),
    Column("told_by", "通知方式", "Told by", ("通知渠道", "告知方式")),
    Column("language", "语言", "Language", ()),
    Column("opt_outs", "拒收渠道", "Opted out of", ("拒收", "勿扰", "退订")),
    Column("birthday", "生日", "Birthday", ("出生日期", "出生年月日")),
    Column("anniversary", "纪念日", "Anniversary", ("开业日期", "合作日期", "周年")),
    Column("note", "备注", "Note", ("说明", "附注", "remark")),
)  # fmt: skip
# The parts of a line, in their order; of `ADDRESS` the first is province, city, district and detail in one.
ADDRESS = ("detail", "recipient", "phone", "label", "postcode")
CONTACT = ("name", "position", "email", "birthday", "note")
OF_MAIN_ADDRESS: Mapping[str, str] = {
    "address_province": "province", "address_city": "city", "address_district": "district",
    "recipient": "recipient", "address_phone": "phone", "postcode": "postcode",
    "address_label": "label",
}  # fmt: skip
# The field of the record to which a column belongs, where it is called otherwise.
BELONGS_TO: Mapping[str, str] = {
    "overdue_entered": "credit_overdue", "parent_code": "parent", "contact": "contacts", "contact_details": "contacts",
    "address": "addresses", "more_addresses": "addresses",
    **dict.fromkeys(OF_MAIN_ADDRESS, "addresses"),
}  # fmt: skip
BY_FIELD: Mapping[str, Column] = {column.field: column for column in COLUMNS}
_UNIT = re.compile(r"[(（【\[].*?[)）】\]]|[*＊:：]")


def propose(headers: Sequence[str], custom: Mapping[str, Definition]) -> dict[str, str]:
    """The field of each header that is recognised. Only several-valued fields are given twice."""
    known = _names(custom)
    found: dict[str, str] = {}
    for header in headers:
        field = known.get(plain(_UNIT.sub("", header)).replace(" ", ""))
        if field is None:
            continue
        column = BY_FIELD.get(field)
        if column is not None and column.only_out:
            continue
        if field not in found.values() or (column is not None and column.several):
            found[header] = field
    return found


def _names(custom: Mapping[str, Definition]) -> dict[str, str]:
    names: dict[str, str] = {}
    for code, field in custom.items():
        for name in (code, field.label_zh, field.label_en):
            names[plain(name).replace(" ", "")] = f"custom.{code}"
    for column in COLUMNS:
        for name in (column.field, column.title_zh, column.title_en, *column.names):
            names[plain(name).replace(" ", "")] = column.field
    return names


def in_brackets(label: str) -> str:
    """A label as it can stand in brackets."""
    return _BRACKETS.sub(" ", label).strip()


def in_a_line(part: str) -> str:
    """A text as it can be a part of a line."""
    return _BREAKS.sub(" ", part).strip()


_BRACKETS = re.compile(r"[()（）]")
_BREAKS = re.compile(r"[|｜\r\n]+")

"""Which column of a file means which field of a customer's record.

Rule: a column is recognised by the names Chinese and English files give it; people may say otherwise. What
nobody recognises is left out, and said so.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crm_core.customers.custom_values import Definition
from crm_core.search_text import plain


@dataclass(frozen=True, slots=True)
class Column:
    """A field of the file; `title` is what exports call it, `names` how it may be called besides."""

    field: str
    title_zh: str
    title_en: str
    names: tuple[str, ...] = ()
    several: bool = False


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
    Column("parent", "上级客户", "Parent", ("上级", "上级代理", "上级编码", "所属代理")),
    Column("salesperson", "业务员", "Salesperson", ("销售", "客户经理", "负责人", "跟单员")),
    Column("province", "省", "Province", ("省份", "所在省")),
    Column("city", "市", "City", ("城市", "地市", "所在市")),
    Column("area_code", "区号", "Area code", ()),
    Column("address", "地址", "Address", ("详细地址", "收货地址", "送货地址", "联系地址")),
    Column("contact", "联系人", "Contact", ("联系人姓名", "经办人")),
    Column("price_policy", "价格政策", "Price policy", ("折扣", "价格等级")),
    Column("payment_terms", "付款条件", "Payment terms", ("账期", "结算方式", "付款方式")),
    Column("credit_limit", "信用额度", "Credit limit", ("额度", "授信额度")),
    Column("credit_overdue", "逾期金额", "Credit overdue", ("逾期", "逾期欠款")),
    Column("email", "邮箱", "E-mail", ("电子邮件", "电子邮箱", "email", "mail")),
    Column("language", "语言", "Language", ()),
    Column("opt_outs", "拒收渠道", "Opted out of", ("拒收", "勿扰", "退订")),
    Column("birthday", "生日", "Birthday", ("出生日期", "出生年月日")),
    Column("anniversary", "纪念日", "Anniversary", ("开业日期", "合作日期", "周年")),
    Column("note", "备注", "Note", ("说明", "附注", "remark")),
)  # fmt: skip
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

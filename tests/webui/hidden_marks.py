"""The fields that a role can be kept from, and the marks by which their values are known again in an answer."""

from tests.webui.hidden_questions import Question
from webui.sight import hideable_fields

HIDEABLE = sorted(
    {each for each in hideable_fields() if each.startswith("customer.")}
    | {"customer.custom.secret_no"}
)
"""The fields of other records: `test_web_record_fields`."""
MARKS = {
    "addresses": ("秘密路", "13766667777"),
    "anniversary": ("1978-08-08",),
    "area_code": ('"0777"',),
    "birthday": ("1977-07-07",),
    "city": ("秘密市",),
    "code": ("SECRET-CODE",),
    "complaints": ("秘密投诉", '"complaints":[{'),
    "contacts": ("秘密人",),
    "credit_available": ("7116913.57",),
    "credit_limit": ("7123456.78", "7116913.57"),
    "credit_overdue": ("8765.43", '"overdue":"4321.09"', '"days_over":2'),
    "credit_used": ("6543.21", "7116913.57"),
    "custom": ("秘密号", "密码栏"),
    "custom.secret_no": ("秘密号", "密码栏"),
    "email": ("secret@example.com", "s***@example.com"),
    "fax": ("02288880000",),
    "insight": ('"revenue_12m"',),
    "language": ('"zh-secret"',),
    "last_orders": ("秘密单",),
    "level": ("秘密级", "secret_level"),
    "note": ("秘密备注",),
    "notices": ("秘密通知",),
    "opt_outs": ('"opt_outs":["email"]',),
    "parent": ("秘密上级",),
    "payment_terms": ("秘密账期", "secret_terms", '"days_over":2'),
    "phones": ("13711223344", "13766667777", "137****3344"),
    "price_policy": ("秘密价", "secret_policy"),
    "province": ("秘密省",),
    "salesperson": ("秘密售员",),
    "territories": ("秘密域",),
    "todos": ("秘密待办",),
    "told_by": ('"told_by":["voice"]',),
    "wecom": ("secret.wecom",),
    "wecom_group": ("693a91f6-7a0c-4bc4-97a0-0ec2sifa5aaa",),
}
DEFINED_AT = {
    "insight": {"/api/insight/segments"},
    "level": {"/api/levels"},
    "payment_terms": {"/api/payment-terms"},
    "phones": {"/api/leads", "/api/leads/1", "/api/leads/3"},
    "price_policy": {"/api/price-policies"},
    "salesperson": {"/api/users", "/api/todos/supervisors", "/api/session"},
}
"""Where the words of a mark stand by themselves, and tell nothing of a customer."""
ONLY_ON_THE_CARD = {"complaints", "last_orders", "notices", "todos"}
"""Lists of other records, which have rights of their own; hidden means: not on the customer's card."""


def has_mark(name: str, asked: Question, body: str) -> bool:
    if asked.place in DEFINED_AT.get(name, ()):
        return False
    if name in ONLY_ON_THE_CARD and not asked.path.startswith("/api/customers/"):
        return False
    return any(mark in body for mark in MARKS[name])

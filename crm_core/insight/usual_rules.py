"""The rules Zongji begins with, until operations write their own: figures usual in wholesale by telephone.

Rule: only the seed uses them; what is in force stands in the database.
"""

from crm_core.insight.conditions import Condition
from crm_core.insight.rules import InsightRules


def _when(*conditions: tuple[str, str, str]) -> tuple[Condition, ...]:
    return tuple(
        Condition.model_validate({"metric": metric, "operator": operator, "value": value})
        for metric, operator, value in conditions
    )


_SEGMENTS = (
    {
        "code": "none", "name_zh": "从未下单", "name_en": "Never ordered",
        "strategy_zh": "首单优惠，电话介绍畅销品。", "strategy_en": "Offer a first order; tell what sells well.",
        "when": _when(("orders_total", "=", "0")),
    },
    {
        "code": "dormant", "name_zh": "沉睡客户", "name_en": "Dormant",
        "strategy_zh": "了解停购原因，用唤醒优惠再联系一次。", "strategy_en": "Ask why they stopped; call once more with an offer.",
        "when": _when(("r", "=", "1")),
    },
    {
        "code": "at_risk", "name_zh": "流失预警", "name_en": "At risk",
        "strategy_zh": "三天内由业务员亲自回访。", "strategy_en": "The salesperson calls within three days.",
        "when": _when(("r", "<=", "2"), ("orders_total", ">=", "2")),
    },
    {
        "code": "new", "name_zh": "新客户", "name_en": "New",
        "strategy_zh": "跟进首单体验，促成第二单。", "strategy_en": "Ask how the first order went; bring the second.",
        "when": _when(("days_since_first_order", "<=", "60"), ("orders_total", "<=", "3")),
    },
    {
        "code": "core", "name_zh": "核心客户", "name_en": "Core",
        "strategy_zh": "专人服务，优先供货，定期拜访。", "strategy_en": "A person of their own, first in line for goods, regular visits.",
        "when": _when(("r", ">=", "4"), ("f", ">=", "4"), ("m", ">=", "4")),
    },
    {
        "code": "potential", "name_zh": "潜力客户", "name_en": "Potential",
        "strategy_zh": "推荐组合与阶梯价，提高客单价。", "strategy_en": "Propose bundles and quantity prices.",
        "when": _when(("r", ">=", "4"), ("m", ">=", "3")),
    },
    {
        "code": "regular", "name_zh": "一般客户", "name_en": "Regular",
        "strategy_zh": "保持节奏，按促销日历联系。", "strategy_en": "Keep the rhythm; call with the promotions.",
    },
)  # fmt: skip
_GRADES: tuple[dict[str, object], ...] = (
    {"code": "A", "name_zh": "A级", "name_en": "Grade A", "revenue_at_least": "500000"},
    {"code": "B", "name_zh": "B级", "name_en": "Grade B", "revenue_at_least": "100000"},
    {"code": "C", "name_zh": "C级", "name_en": "Grade C", "revenue_at_least": "10000"},
    {"code": "D", "name_zh": "D级", "name_en": "Grade D", "revenue_at_least": "0"},
)
_CONSUMER = ("20000", "5000", "1000", "0")
_HEALTH = (
    {
        "code": "credit_overdue", "name_zh": "有逾期欠款", "name_en": "Credit overdue",
        "advice_zh": "先收款再发货。", "advice_en": "Collect before goods leave.",
        "severity": "critical", "when": _when(("credit_overdue", ">", "0")),
    },
    {
        "code": "credit_nearly_used", "name_zh": "信用额度将满", "name_en": "Credit nearly used",
        "advice_zh": "提醒对账，或申请调整额度。", "advice_en": "Settle the account, or have the limit looked at.",
        "severity": "warning", "when": _when(("credit_use_percent", ">=", "90")),
    },
    {
        "code": "order_overdue", "name_zh": "超过平常间隔未下单", "name_en": "Order overdue",
        "advice_zh": "主动电话询问补货。", "advice_en": "Call and ask whether stock runs low.",
        "severity": "warning",
        "when": _when(("intervals_waited", ">=", "2"), ("orders_total", ">=", "3"), ("r", ">=", "2")),
    },
    {
        "code": "falling", "name_zh": "连续两季下滑", "name_en": "Two falling quarters",
        "advice_zh": "了解竞品与价格情况，制定挽回方案。", "advice_en": "Learn about competitors and prices; plan to win back.",
        "severity": "warning", "when": _when(("falling_quarters", ">=", "2")),
    },
    {
        "code": "no_contact", "name_zh": "30天未联系", "name_en": "No contact for 30 days",
        "advice_zh": "安排一次回访。", "advice_en": "Plan a call.",
        "severity": "info", "when": _when(("days_since_contact", ">=", "30")),
    },
)  # fmt: skip


def _graded(place: int, levels: frozenset[str]) -> dict[str, object]:
    smaller = {"level_code": "consumer", "revenue_at_least": _CONSUMER[place]}
    return _GRADES[place] | {"levels": [smaller] if "consumer" in levels else []}


def usual_rules(levels: frozenset[str]) -> InsightRules:
    """`levels` are those that exist; consumers, where there are any, are graded by smaller sums."""
    return InsightRules.model_validate(
        {
            "rfm": {
                "r_days": (30, 60, 120, 240),
                "f_orders": (2, 6, 12, 24),
                "m_revenue": ("1000", "10000", "50000", "200000"),
            },
            "segments": _SEGMENTS,
            "grades": [_graded(place, levels) for place in range(len(_GRADES))],
            "health": _HEALTH,
        }
    )

"""What dealers are told of leads, and what is asked of those who are given something. Rule: no words name the
person, whose lead may be erased while they stay.
"""

from crm_core.outbox.wording import Wording, Words

KIND = "lead_handed"
LEAD_WORDS = Words(
    {
        KIND: Wording(
            "新线索 {number}",
            "您好,\n\n我们为您转来一条新线索 {number}。\n地区:{place}\n请与我们联系,了解详情并跟进。\n\n{company}\n",
        )
    },
    {
        KIND: Wording(
            "New lead {number}",
            "Hello,\n\nwe have a new lead for you: {number}.\nPlace: {place}\n"
            "Please call us for the details and follow it up.\n\n{company}\n",
        )
    },
)
TO_BEGIN = {
    "lead": {"zh": "新线索 #{id}：请跟进", "en": "New lead #{id}: follow it up"},
    "opportunity": {"zh": "新商机 #{id}：请跟进", "en": "New opportunity #{id}: follow it up"},
}
TO_ARRANGE = {
    "lead": {
        "zh": "线索 #{id} 已交给没有业务员的经销商：请安排跟进",
        "en": "Lead #{id} is with a dealer who has no salesperson: see that it is followed up",
    },
    "opportunity": {
        "zh": "商机 #{id} 已交给没有业务员的经销商：请安排跟进",
        "en": "Opportunity #{id} is with a dealer who has no salesperson: see that it is followed up",
    },
}

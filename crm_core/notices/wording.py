"""What notices say: what their author wrote. Rule: an SMS needs a template `notice` of the provider's,
with the parameters `title` and `body`.
"""

from crm_core.outbox.wording import Wording, Words

KIND = "notice"
_PLAIN = Wording("{title}", "{body}\n\n{company}\n")
NOTICE_WORDS = Words({KIND: _PLAIN}, {KIND: _PLAIN})

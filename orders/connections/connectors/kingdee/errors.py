"""What Kingdee's refusals mean. Rule: a lost session and what says «try again» pass; all else is permanent."""

from typing import Any

from orders.connections.asking import member
from orders.connections.errors import ConnectorError

LOGIN_AGAIN = "session_lost"
_PASSING = ("请稍后", "并发", "网络控制", "超时")
_SESSION_LOST = 1


def refusal(answer: Any) -> ConnectorError | None:
    """None when it was done."""
    status = member(answer, "Result", "ResponseStatus")
    if member(status, "IsSuccess") is True:
        return None
    if member(status, "MsgCode") == _SESSION_LOST:
        return ConnectorError(LOGIN_AGAIN, "the session has ended", permanent=False)
    errors = member(status, "Errors")
    told = [
        str(member(each, "Message") or "") for each in (errors if isinstance(errors, list) else [])
    ]
    reason = "; ".join(filter(None, told))[:400] or "no reason was given"
    if not isinstance(status, dict):
        return ConnectorError("kingdee_answer", "the answer has no ResponseStatus", permanent=False)
    passing = any(sign in reason for sign in _PASSING)
    return ConnectorError("kingdee_refused", reason, permanent=not passing)


def login_refusal(answer: Any) -> ConnectorError | None:
    """`LoginResultType` 1 is success."""
    if member(answer, "LoginResultType") == 1:
        return None
    reason = str(member(answer, "Message") or "no reason was given")[:400]
    return ConnectorError("kingdee_login", reason, permanent=True)

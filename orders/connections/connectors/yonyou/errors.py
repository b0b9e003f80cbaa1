"""What Yonyou's codes mean. Rule: a token that is over is fetched anew, a limit or a fault of theirs passes,
and what it says about the paper is permanent.
"""

from typing import Any

from orders.connections.asking import member
from orders.connections.errors import ConnectorError

TOKEN_OVER = "token_over"  # noqa: S105
_DONE = ("200", "00000")
_TOKEN = ("310036", "310007", "1090003500065")
_PASSING = ("310046", "310047", "500", "503", "1090003500061")


def refusal(answer: Any) -> ConnectorError | None:
    """None when it was done."""
    code = str(member(answer, "code") or "")
    if code in _DONE:
        return None
    reason = str(member(answer, "message") or "no reason was given")[:400]
    if code in _TOKEN:
        return ConnectorError(TOKEN_OVER, reason, permanent=False)
    if not code:
        return ConnectorError("yonyou_answer", "the answer has no code", permanent=False)
    return ConnectorError("yonyou_refused", f"{code}: {reason}", permanent=code not in _PASSING)


def failed(answer: Any) -> ConnectorError | None:
    """What an answer that says «done» says of the orders that it was about; None when all were done."""
    if not member(answer, "data", "failCount"):
        return None
    told = member(answer, "data", "messages")
    reason = "; ".join(map(str, told)) if isinstance(told, list) else "no reason was given"
    return ConnectorError("yonyou_refused", reason[:400], permanent=True)

"""What Qimen's answers mean. Rule: limits and faults of the platform pass (its codes of the kind `isp.`,
and 7), what it says about the paper is permanent.
"""

from orders.connections.errors import ConnectorError

_PASSING = ("isp.", "isv.top-remote", "7", "S")


def refusal(code: str, message: str) -> ConnectorError:
    passing = code.startswith(_PASSING)
    return ConnectorError("qimen_refused", f"{code}: {message}"[:400], permanent=not passing)


def no_paper(reason: str) -> ConnectorError:
    """What came cannot be read."""
    return ConnectorError("not_readable", reason[:400], permanent=True)

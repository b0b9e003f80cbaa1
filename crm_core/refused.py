"""What the database itself refuses, in words for people. Rule: a trigger that refuses a change raises SQLSTATE
`ZJ409` with the sentence as message, the code as constraint and, as detail, a JSON object of the fields; here it
becomes a Conflict, and nowhere else.
"""

import json
from collections.abc import Iterator

from crm_core.errors import Conflict

SQLSTATE = "ZJ409"


class Refused(Conflict):
    """A rule that is kept in the database."""

    def __init__(self, code: str, message: str, fields: dict[str, object]) -> None:
        super().__init__(message, fields=fields)
        self.code = code


def sqlstates(error: BaseException) -> Iterator[str]:
    """Of an error and its causes; SQLAlchemy's errors lead to the driver's."""
    for seen in _causes(error):
        if isinstance(state := getattr(seen, "sqlstate", None), str):
            yield state


def refusal(error: BaseException) -> Refused | None:
    """What a trigger of ours said; None for every other error."""
    for seen in _causes(error):
        said = getattr(seen, "message", None)
        if getattr(seen, "sqlstate", None) == SQLSTATE and said is not None:
            detail = getattr(seen, "detail", None)
            code = getattr(seen, "constraint_name", None)
            return Refused(code or Conflict.code, said, json.loads(detail) if detail else {})
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = getattr(error, "orig", error)
    while seen is not None:
        yield seen
        seen = seen.__cause__

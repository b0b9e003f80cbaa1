"""What the daemon refused, as sentences.

Rule: the daemon's own sentence comes first; each field is named as the option that was typed, and the code
stands at the end for those who look it up.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from webui.routing import Route
from zongji.cli.api.access import recipe
from zongji.cli.api.calling import Answer
from zongji.cli.api.errors import Refused
from zongji.cli.api.fields import Field
from zongji.cli.api.values import named

_UNAUTHENTICATED, _NO_JSON = 401, "The answer is not one of Zongji's"


def refusal(answer: Answer, route: Route, fields: Iterable[Field]) -> Refused:
    """The error to raise for an answer that is a refusal."""
    content = answer.content
    error = content.get("error") if isinstance(content, dict) else None
    if not isinstance(error, dict):
        return Refused(f"{_NO_JSON} (status {answer.status}): is it the daemon that answers there?")
    told = error.get("fields")
    lines = [f"{error.get('message', 'Refused.')} ({error.get('code', answer.status)})"]
    if isinstance(told, dict):
        lines += _told(told, tuple(fields))
    if answer.status == _UNAUTHENTICATED:
        lines.append(f"Make a token with `{recipe(route)}`.")
    elif isinstance(told, dict) and "right" in told:
        lines.append(
            f"A token has that right when it was made with `--right {told['right']}` and the role "
            "of the person behind it includes it."
        )
    return Refused("\n  ".join(lines))


def _told(told: Mapping[str, Any], fields: tuple[Field, ...]) -> list[str]:
    return [f"{named(_place(key), fields)}: {value}" for key, value in told.items()]


def _place(key: str) -> list[str | int]:
    return [int(part) if part.isdecimal() else part for part in key.split(".")]

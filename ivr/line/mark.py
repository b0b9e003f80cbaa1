"""Which version a line file was made from: a comment that stands in what is exported and outlives editing.

Rule: it is read wherever it stands on a line of its own, and none is kept with a version.
"""

import re

_MARK = re.compile(r"^# line version ([1-9]\d{0,8})\b.*(?:\n|\Z)", re.MULTILINE)


def marked(text: str, version: int) -> str:
    """The text with this mark alone, in its first line."""
    return (
        f"# line version {version} (zongji menu apply asks for it: leave it here)\n{unmarked(text)}"
    )


def unmarked(text: str) -> str:
    return _MARK.sub("", text)


def version_in(text: str) -> int | None:
    """The version that the text names, None when it names none, or several."""
    found = set(_MARK.findall(text))
    return int(found.pop()) if len(found) == 1 else None

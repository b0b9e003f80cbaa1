"""What people may type. Rule: every visible sign and every kind of space is kept (full-width ones
too); control characters, which could harm a terminal, a file or a protocol, are refused.
"""

import re

# Unicode's categories Cc and Cs but for line breaks and tabs; the tests hold it against them.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def is_control(sign: str) -> bool:
    """A control character other than a line break or tab, or half of a broken character."""
    return _CONTROL.match(sign) is not None


def printable(text: str) -> str:
    """The text itself. Raises ValueError."""
    if _CONTROL.search(text):
        raise ValueError("control characters and broken characters cannot be kept")
    return text

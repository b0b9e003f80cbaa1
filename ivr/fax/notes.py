"""What Asterisk writes of a fax that came in: the name of the sheets, and the note beside them.

Rule: pure. The dialplan ([zongji-fax-in]) writes both, whether a daemon is there or not:
`<seconds>-<call>-<number called>-<number calling>.tif` and `.note`.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs

from crm_core.numbers import normalise

_NAME = re.compile(r"^(\d{9,11})-([0-9a-f]{32})-(\d*)-(\+?\d*)$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sheets:
    """What the name of the sheets says."""

    at: datetime
    call_id: str
    did: str | None
    number: str | None


def read_name(stem: str) -> Sheets | None:
    """None for a file that the dialplan did not name."""
    found = _NAME.match(stem)
    if found is None:
        return None
    seconds, call_id, did, number = found.groups()
    return Sheets(
        datetime.fromtimestamp(int(seconds), UTC), call_id, did or None, normalise(number) or None
    )


def read_note(note: str | None) -> dict[str, str]:
    """What the note says of the transmission; nothing without a note."""
    return {name: values[0] for name, values in parse_qs((note or "").strip()).items()}

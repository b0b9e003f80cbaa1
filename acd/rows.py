"""Rows on their way to the database: what the journal holds, a line each.

Rule: a line is `table TAB key TAB json NEWLINE` and complete in itself; the JSON's names are the
columns of the table, so that PostgreSQL reads it as it stands.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

from pydantic_core import PydanticSerializationError, to_json


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call as far as it is known; `steps` is the number of steps written, `walk` the way through the menus
    (`acd.log.walk`).
    """

    id: str
    node: str
    linkedid: str
    direction: str
    caller: str | None
    did: str
    started_at: datetime
    steps: int = 0
    medium: str | None = None
    customer_id: int | None = None
    customer_name: str | None = None
    level: str | None = None
    province: str | None = None
    city: str | None = None
    area_code: str | None = None
    menu_path: tuple[str, ...] = ()
    queue: str | None = None
    priority: int | None = None
    agent_id: int | None = None
    queued_at: datetime | None = None
    answered_at: datetime | None = None
    within_target: bool | None = None
    left_reason: str | None = None
    recording: str | None = None
    paused_at: datetime | None = None
    paused_by: int | None = None
    pause_reason: str | None = None
    ended_at: datetime | None = None
    outcome: str | None = None
    line_version: int | None = None
    last_menu: str | None = None
    wrong_keys: int | None = None
    services: tuple[str, ...] | None = None
    walk: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True)
class StepRow:
    call_id: str
    seq: int
    at: datetime
    kind: str
    detail: dict[str, Any]

    @property
    def key(self) -> str:
        return f"{self.call_id}/{self.seq}"


@dataclass(frozen=True, slots=True)
class AgentStateRow:
    """`skills` and `calls` are None in rows of daemons that did not know them. `by_id` is who did it, None: nobody,
    it came by itself.
    """

    agent_id: int
    seq: int
    name: str
    extension: str
    queues: tuple[str, ...]
    state: str
    reason: str | None
    call_id: str | None
    pending: str | None
    since: datetime
    wrap_up_until: datetime | None
    skills: dict[str, int] | None = None
    calls: int | None = None
    pending_reason: str | None = None
    by_id: int | None = None

    @property
    def key(self) -> str:
        return f"{self.agent_id}/{self.seq}"


@dataclass(frozen=True, slots=True)
class RecordingRow:
    call_id: str
    path: str
    seconds: float
    size_bytes: int
    channels: int
    stored_at: datetime

    @property
    def key(self) -> str:
        return self.call_id


@dataclass(frozen=True, slots=True)
class SurveyRow:
    """A question of a survey that a caller was asked; `pressed` None: it was not answered.

    `agent_id` is who spoke with the caller last.
    """

    call_id: str
    question: str
    survey: str
    agent_id: int | None
    queue: str | None
    customer_id: int | None
    pressed: str | None
    score: int | None
    label_zh: str | None
    label_en: str | None
    asked_at: datetime

    @property
    def key(self) -> str:
        return f"{self.call_id}/{self.question}"


@dataclass(frozen=True, slots=True)
class VoicemailRow:
    """`path` is relative to the folder of recordings; `queue` the one whose people are to hear it."""

    call_id: str
    queue: str
    path: str
    seconds: float
    size_bytes: int
    stored_at: datetime

    @property
    def key(self) -> str:
        return self.call_id


Row = VoicemailRow | CallRow | StepRow | AgentStateRow | RecordingRow | SurveyRow
TABLES: dict[type, str] = {
    CallRow: "calls",
    StepRow: "call_steps",
    AgentStateRow: "agent_states",
    RecordingRow: "recordings",
    VoicemailRow: "voicemails",
    SurveyRow: "survey_answers",
}
_TYPES = {table: kind for kind, table in TABLES.items()}
COLUMNS = {table: tuple(f.name for f in fields(kind)) for kind, table in TABLES.items()}
_Kind = TypeVar("_Kind", CallRow, StepRow, AgentStateRow, RecordingRow, VoicemailRow, SurveyRow)


@dataclass(frozen=True, slots=True)
class Line:
    """A row as it stands in the journal."""

    table: str
    key: str
    json: str


def encode(row: Row) -> bytes:
    """The line; NUL characters, which PostgreSQL does not take, are left out."""
    try:
        text = to_json(row, fallback=str)
    except PydanticSerializationError:
        text = to_json(_clean(asdict(row)), fallback=str)
    if _NUL in text:
        text = to_json(_clean(asdict(row)), fallback=str)
    return b"%b\t%b\t%b\n" % (TABLES[type(row)].encode(), row.key.encode(), text)


def split(line: bytes) -> Line:
    """Raises ValueError when the line is not whole."""
    table, key, text = line.decode("utf-8").rstrip("\n").split("\t", 2)
    if table not in _TYPES or not text.endswith("}"):
        raise ValueError("a damaged line")
    return Line(table, key, text)


def decode(line: Line) -> Row:
    """Raises ValueError when the JSON is damaged."""
    kind = _TYPES[line.table]
    try:
        values = json.loads(line.json)
        for name in ("menu_path", "queues", "services"):
            if values.get(name) is not None:
                values[name] = tuple(values[name])
        for name, value in values.items():
            if value is not None and (
                name in ("at", "since", "wrap_up_until") or name[-3:] == "_at"
            ):
                values[name] = datetime.fromisoformat(value)
        found: Row = kind(**values)
    except (TypeError, KeyError) as error:
        raise ValueError("a damaged line") from error
    return found


def only(kind: type[_Kind], rows: Sequence[Row]) -> list[_Kind]:
    return [row for row in rows if isinstance(row, kind)]


_NUL = rb"\u0000"


def _clean(value: Any) -> Any:
    """Also halves of surrogate pairs, which are no characters."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", errors="replace").decode("utf-8")
    if isinstance(value, dict):
        return {name: _clean(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(part) for part in value]
    return value

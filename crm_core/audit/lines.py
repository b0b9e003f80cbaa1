"""Entries and seals as lines of JSON: the form in which they leave the database.

Rule: PostgreSQL writes the lines and reads them back, so that a line has every digit of what was
stored, and its digests can be computed again from the file alone.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from crm_core.audit.digests import intact
from crm_core.audit.rows import WITHIN, Stretch
from crm_core.audit.seals import Place
from crm_core.audit.store import Holder
from crm_core.statement import Statement

_BATCH = 500
_FIELDS = ("id", "xid", "at", "actor_id", "action", "entity", "entity_id", "before", "after")
_DIGESTS = ("salt", "payload_digest", "digest")
_REDACTION = ("redacted_at", "redacted_by", "redaction_id")
_LINE = ", ".join(
    [
        "'kind', 'entry'",
        *(f"'{name}', r.{name}" for name in (*_FIELDS, *_REDACTION)),
        *(f"'{name}', encode(r.{name}, 'hex')" for name in _DIGESTS),
        "'actor', (SELECT u.name FROM users AS u WHERE u.id = r.actor_id)",
    ]
)
_WITHIN = Statement(
    f"SELECT r.xid, r.id, jsonb_build_object({_LINE})::text AS line FROM audit_log AS r"
    f" WHERE {WITHIN} ORDER BY r.xid, r.id LIMIT :most"
)
_EVERY = Statement(
    f"SELECT r.id, jsonb_build_object({_LINE})::text AS line FROM audit_log AS r"
    " WHERE r.id > :beyond ORDER BY r.id LIMIT :most"
)
_READ = {
    "id": "::bigint",
    "xid": "::bigint",
    "at": "::timestamptz",
    "actor_id": "::int",
    "redacted_at": "::timestamptz",
}
_COLUMNS = ", ".join(
    [
        *(
            f"(l.line ->> '{name}'){_READ.get(name, '')} AS {name}"
            for name in (*_FIELDS[:-2], "redacted_at")
        ),
        *(f"nullif(l.line -> '{name}', 'null') AS {name}" for name in ("before", "after")),
        *(f"decode(l.line ->> '{name}', 'hex') AS {name}" for name in _DIGESTS),
    ]
)
# OFFSET 0: each line is read once, not once for each of its fields.
_CHECK = Statement(
    f"SELECT r.xid, r.id, r.digest, {intact('r')} AS intact FROM (SELECT {_COLUMNS}, l.place FROM"
    " (SELECT t.line::jsonb AS line, t.place FROM unnest(:lines::text[])"
    " WITH ORDINALITY AS t (line, place) OFFSET 0) AS l OFFSET 0) AS r ORDER BY r.place"
)


@dataclass(frozen=True, slots=True)
class ReadLine:
    """What an entry's line says of itself, and whether it fits its digests."""

    place: Place
    digest: bytes
    intact: bool


async def within(holder: Holder, stretch: Stretch) -> AsyncIterator[Sequence[str]]:
    """The lines of these entries, in the order of their places, some at a time."""
    while rows := await _WITHIN.read(holder, {**stretch.values(), "most": _BATCH}):
        yield [row["line"] for row in rows]
        stretch = replace(stretch, after=Place(rows[-1]["xid"], rows[-1]["id"]))


async def every(holder: Holder) -> AsyncIterator[Sequence[str]]:
    """The lines of all entries, by id, some at a time."""
    beyond = 0
    while rows := await _EVERY.read(holder, {"beyond": beyond, "most": _BATCH}):
        yield [row["line"] for row in rows]
        beyond = rows[-1]["id"]


async def read(holder: Holder, lines: Sequence[str]) -> list[ReadLine]:
    """What entries' lines say."""
    rows = await _CHECK.read(holder, {"lines": list(lines)})
    return [ReadLine(Place(row["xid"], row["id"]), row["digest"], row["intact"]) for row in rows]

"""What an entry's digests are made of, as the SQL that both the writing trigger and the check run.

Rule: one expression serves both sides. It takes the values as PostgreSQL keeps them (`jsonb` as text:
key order, decimals and unicode in its one form), so nothing that JSON does on its way in or out of
Python can make an honest entry look altered. The salt makes an emptied entry's digest say nothing
about what stood there: a telephone number could otherwise be found by trying them all.
"""


def payload_digest(row: str) -> str:
    """SHA-256 of salt (16 bytes), `before`, a zero byte (which JSON cannot hold) and `after`."""
    before, after = (f"convert_to(coalesce({row}.{side}::text, ''), 'UTF8')" for side in _SIDES)
    return rf"sha256({row}.salt || {before} || '\x00'::bytea || {after})"


def digest(row: str) -> str:
    """SHA-256 of who, what, when and where as one JSON array, and of the payload's digest."""
    fields = ", ".join(f"{row}.{name}" for name in ("actor_id", "action", "entity", "entity_id"))
    told = f"jsonb_build_array({row}.id, {row}.xid, extract(epoch FROM {row}.at), {fields})"
    return f"sha256(convert_to({told}::text, 'UTF8') || {row}.payload_digest)"


def intact(row: str) -> str:
    """Whether the entry is as it was written; of an emptied one all but what was emptied."""
    kept = f"coalesce({payload_digest(row)} = {row}.payload_digest, false)"
    emptied = f"{row}.before IS NULL AND {row}.after IS NULL AND {row}.salt IS NULL"
    return (
        f"(coalesce({digest(row)} = {row}.digest, false)"
        f" AND CASE WHEN {row}.redacted_at IS NULL THEN {kept} ELSE {emptied} END)"
    )


_SIDES = ("before", "after")

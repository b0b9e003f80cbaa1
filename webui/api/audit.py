"""The audit trail: who changed what, from what to what.

Rule: who may not see telephone numbers gets none here either.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field

from crm_core.audit.reading import AuditSearch
from crm_core.fields import Id, Text
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import Route, needs
from webui.views import View


def _sensible(at: datetime) -> datetime:
    if not 1970 <= at.year <= 2200:  # noqa: PLR2004
        raise ValueError("choose a year from 1970 to 2200")
    return at


_When = Annotated[AwareDatetime, AfterValidator(_sensible)]


class WantedEntries(Model):
    """`action`: how it begins; `q`: what stands in a value; `before`: the `next` of the page before."""

    since: _When | None = None
    until: _When | None = None
    actor_id: Id | None = None
    action: Annotated[Text, Field(max_length=50)] = ""
    entity: Annotated[Text, Field(max_length=30)] | None = None
    entity_id: Annotated[Text, Field(max_length=50)] | None = None
    q: Annotated[Text, Field(max_length=100)] = ""
    before: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class AuditFile(Model):
    """`name`: of a file in the folder of the trail's archives on the server."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,79}\.jsonl$")]


class WantedAuditExpiry(AuditFile):
    """`really`: also what is younger than three years."""

    before: _When
    really: bool = False


class FieldChangeView(View):
    field: str
    before: Any
    after: Any


class AuditItem(View):
    """`actor_id` is None for Zongji itself; `redacted_at`: the values were deleted on request."""

    id: int
    at: datetime
    actor_id: int | None
    actor_name: str | None
    action: str
    entity: str
    entity_id: str
    changes: tuple[FieldChangeView, ...]
    redacted_at: datetime | None


class AuditList(View):
    """`next` asks for what is older, and may be there when `items` is short or empty."""

    items: tuple[AuditItem, ...]
    next: int | None


class FaultView(View):
    kind: str
    said: str
    seal_id: int | None
    row_id: int | None


class HeadView(View):
    seal_id: int
    hash: str


class VerifiedView(View):
    """`faults` are the first of `fault_count`; `unanchored`: seals newer than the anchor's last line."""

    sound: bool
    head: HeadView | None
    seals: int
    rows: int
    redacted: int
    archived: int
    unsealed: int
    unanchored: int
    faults: tuple[FaultView, ...]
    fault_count: int


class ArchiveFaultView(View):
    seal_id: int
    said: str


class ArchiveCheckedView(View):
    """`seals` are in the archive; those with a fault are not as they were sealed."""

    seals: int
    faults: tuple[ArchiveFaultView, ...]


class AuditExported(View):
    name: str
    rows: int
    sha256: str


class AuditExpired(View):
    """`name` is None when nothing was old enough."""

    name: str | None
    rows: int
    seals: int
    last_seal: int
    sha256: str


async def search(asked: Asked[Nothing, WantedEntries]) -> AuditList:
    """Entries, the newest first."""
    wanted = asked.query
    page = await asked.services.crm.audit.search(
        asked.principal,
        AuditSearch(
            since=wanted.since,
            until=wanted.until,
            actor_id=wanted.actor_id,
            action=wanted.action,
            entity=wanted.entity,
            entity_id=wanted.entity_id,
            text=wanted.q,
            before_id=wanted.before,
            limit=wanted.limit,
        ),
    )
    return AuditList.model_validate(page)


async def verify(asked: Asked[Nothing, Nothing]) -> VerifiedView:
    """Hold every entry against the chain of seals, and that against the anchor; on a large trail it takes minutes."""
    report = await asked.services.crm.audit.check(asked.principal)
    return VerifiedView.model_validate(report)


async def export(asked: Asked[AuditFile, Nothing]) -> AuditExported:
    """Write every entry to a file on the server, numbers unmasked; on a large trail it takes minutes."""
    trail, name = asked.services.crm.audit, asked.body.name
    made = await trail.export(asked.principal, trail.place(name))
    return AuditExported(name=name, rows=made.rows, sha256=made.sha256)


async def expire(asked: Asked[WantedAuditExpiry, Nothing]) -> AuditExpired:
    """Move sealed entries that are old enough to a file on the server; no file is made when none is."""
    trail, body = asked.services.crm.audit, asked.body
    moved = await trail.expire(
        asked.principal, body.before, trail.place(body.name), really=body.really
    )
    return AuditExpired(
        name=body.name if moved.seals else None,
        rows=moved.rows,
        seals=moved.seals,
        last_seal=moved.last_seal,
        sha256=moved.sha256,
    )


async def check_archive(asked: Asked[AuditFile, Nothing]) -> ArchiveCheckedView:
    """Hold an archive on the server against the seals."""
    trail = asked.services.crm.audit
    found = await trail.check_archive(asked.principal, trail.place(asked.body.name))
    return ArchiveCheckedView.model_validate(found)


ROUTES = (
    Route(
        "GET",
        "/api/audit",
        search,
        needs(Right.AUDIT_VIEW),
        query=WantedEntries,
        answer=AuditList,
    ),
    Route("POST", "/api/audit/verify", verify, needs(Right.AUDIT_VIEW), answer=VerifiedView),
    Route(
        "POST",
        "/api/audit/exports",
        export,
        needs(Right.AUDIT_MANAGE, Right.NUMBER_UNMASK),
        AuditFile,
        answer=AuditExported,
        status=201,
    ),
    Route(
        "POST",
        "/api/audit/expiries",
        expire,
        needs(Right.AUDIT_MANAGE),
        WantedAuditExpiry,
        answer=AuditExpired,
    ),
    Route(
        "POST",
        "/api/audit/archives/check",
        check_archive,
        needs(Right.AUDIT_VIEW),
        AuditFile,
        answer=ArchiveCheckedView,
    ),
)

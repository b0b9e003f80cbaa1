"""The tables of the audit trail and of its seals.

Rule: rows are only ever added; triggers (see `protection`) refuse the rest, and give each entry its
time, transaction, salt and digests, whatever its writer says.
"""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    String,
    Text,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.audit import protection
from crm_core.db import Base

_NOW = func.now()


class AuditEntry(Base):
    """Who changed what, written in the transaction of the change; `actor_id` is None for Zongji itself.

    `xid` is that transaction. `before`, `after` and `salt` are empty in an entry that was redacted by
    the one named by `redaction_id`; its digests stay.
    """

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_entity_entity_id_at", "entity", "entity_id", "at"),
        Index("ix_audit_log_actor_id_id", "actor_id", "id"),
        Index("ix_audit_log_xid_id", "xid", "id", unique=True),
        Index("ix_audit_log_own", "id", postgresql_where=text("action ^@ 'audit.'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW, index=True)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    action: Mapped[str] = mapped_column(String(50))
    entity: Mapped[str] = mapped_column(String(30))
    entity_id: Mapped[str] = mapped_column(String(50))
    before: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    xid: Mapped[int] = mapped_column(BigInteger)
    salt: Mapped[bytes | None] = mapped_column(LargeBinary)
    payload_digest: Mapped[bytes] = mapped_column(LargeBinary)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    redacted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    redacted_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    redaction_id: Mapped[int | None] = mapped_column(BigInteger)


class AuditSeal(Base):
    """A link of the chain over the entries; what each column means stands in `seals.Seal`."""

    __tablename__ = "audit_seals"
    __table_args__ = (CheckConstraint("id > 0", name="id_is_positive"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    sealed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    after_xid: Mapped[int] = mapped_column(BigInteger)
    after_row_id: Mapped[int] = mapped_column(BigInteger)
    last_xid: Mapped[int] = mapped_column(BigInteger)
    first_row_id: Mapped[int] = mapped_column(BigInteger)
    last_row_id: Mapped[int] = mapped_column(BigInteger)
    highest_row_id: Mapped[int] = mapped_column(BigInteger)
    era_row_id: Mapped[int] = mapped_column(BigInteger)
    row_count: Mapped[int]
    row_ids: Mapped[str] = mapped_column(Text)
    marks: Mapped[bytes] = mapped_column(LargeBinary)
    rows_digest: Mapped[bytes] = mapped_column(LargeBinary)
    previous: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


event.listen(AuditEntry.__table__, "after_create", protection.protect_log)
event.listen(AuditSeal.__table__, "after_create", protection.protect_seals)

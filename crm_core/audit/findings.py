"""What a check of the audit trail found. Rule: each fault says which row or seal, and what is wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MOST_KEPT = 1000
Progress = Callable[[int, int], None]


class FaultKind(StrEnum):
    ROW_CHANGED = "row_changed"
    ROW_MISSING = "row_missing"
    ROW_INSERTED = "row_inserted"
    REDACTION_UNEXPLAINED = "redaction_unexplained"
    REDACTION_UNDONE = "redaction_undone"
    SEAL_CHANGED = "seal_changed"
    SEAL_MISSING = "seal_missing"
    CHAIN_BROKEN = "chain_broken"
    ANCHOR_MISMATCH = "anchor_mismatch"
    ANCHOR_MISSING = "anchor_missing"


@dataclass(frozen=True, slots=True)
class Fault:
    kind: FaultKind
    said: str
    seal_id: int | None = None
    row_id: int | None = None


class Faults:
    """Faults as they are found; of very many only the first are kept, all are counted."""

    def __init__(self) -> None:
        self.kept: list[Fault] = []
        self.count = 0

    def add(
        self, kind: FaultKind, said: str, *, seal: int | None = None, row: int | None = None
    ) -> None:
        self.count += 1
        if len(self.kept) < MOST_KEPT:
            self.kept.append(Fault(kind, said, seal, row))


@dataclass(frozen=True, slots=True)
class Head:
    """The newest seal; who notes it down can hold the whole trail up to it against it later."""

    seal_id: int
    hash: str


@dataclass(frozen=True, slots=True)
class Archive:
    """An expiry: entries up to a seal were moved to a file."""

    entry_id: int
    at: datetime
    actor_id: int | None
    last_seal: int
    rows: int
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Report:
    """`rows`: entries that were looked at. `unsealed`: of those, not in a seal yet. `archived`: entries
    that seals tell of and an expiry moved away. `unanchored`: seals newer than the anchor's last line.
    `faults` are the first of `fault_count`.
    """

    head: Head | None
    seals: int
    rows: int
    redacted: int
    archived: int
    unsealed: int
    unanchored: int
    archives: tuple[Archive, ...]
    faults: tuple[Fault, ...]
    fault_count: int

    @property
    def sound(self) -> bool:
        return self.fault_count == 0

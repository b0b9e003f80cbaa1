"""A seal: one link of the chain over the entries, and how its hash is made.

Rule: pure. A seal covers the entries whose place, (transaction, id), lies after `after` and up to
`last`, in that order; every value of it but the hash itself goes into the hash.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

FIRST_PREVIOUS = bytes(32)
EVER = 2**63 - 1
MOST_ROWS = 100_000
MARK = 4
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Place(NamedTuple):
    """Where an entry stands: in the order of transactions, then of ids."""

    xid: int
    row_id: int


BEGINNING = Place(0, 0)


@dataclass(frozen=True, slots=True)
class Seal:
    """`sealed` is seconds since 1970 as PostgreSQL writes them.

    `era_row_id`: transactions are counted anew in a database that was restored from a dump; what was
    written there has ids above this one. `highest_row_id`: of all entries sealed so far.
    `row_ids`: the ids in their order, such as "4-9,3". `marks`: the first bytes of each entry's
    digest, by which an altered one is found; `rows_digest` is SHA-256 of the digests.
    """

    id: int
    sealed: str
    after: Place
    last: Place
    first_row_id: int
    highest_row_id: int
    era_row_id: int
    row_count: int
    row_ids: str
    marks: bytes
    rows_digest: bytes
    previous: bytes
    hash: bytes = b""

    def computed_hash(self) -> bytes:
        told = (
            "zongji-audit-seal/1",
            self.id,
            self.sealed,
            *self.after,
            *self.last,
            self.first_row_id,
            self.highest_row_id,
            self.era_row_id,
            self.row_count,
            self.row_ids,
            self.marks.hex(),
            self.rows_digest.hex(),
        )
        return hashlib.sha256(self.previous + "\n".join(map(str, told)).encode()).digest()

    def continues(self, before: "Seal | None") -> bool:
        """Whether it begins where the one before ends, or begins a new era above all ids so far."""
        if before is None:
            return self.after == BEGINNING and self.era_row_id == 0
        if self.era_row_id == before.era_row_id:
            return self.after == before.last
        return self.after == BEGINNING and self.era_row_id == before.highest_row_id

    def ids(self) -> tuple[int, ...] | None:
        """The ids of its entries in order; None when they cannot be right."""
        try:
            found = _ids(self.row_ids)
        except ValueError:
            return None
        return found if len(found) == self.row_count == len(self.marks) // MARK else None


@dataclass(frozen=True, slots=True)
class SealedRow:
    """What a seal takes from an entry."""

    place: Place
    digest: bytes


def make(
    before: Seal | None, rows: Sequence[SealedRow], *, after: Place, era: int, at: datetime
) -> Seal:
    """The next seal, over at least one row; they stand in the order of their places."""
    ids = [row.place.row_id for row in rows]
    sealed = Seal(
        id=before.id + 1 if before else 1,
        sealed=epoch_text(at),
        after=after,
        last=rows[-1].place,
        first_row_id=ids[0],
        highest_row_id=max(*ids, before.highest_row_id if before else 0),
        era_row_id=era,
        row_count=len(rows),
        row_ids=spans(ids),
        marks=b"".join(row.digest[:MARK] for row in rows),
        rows_digest=digest_of(row.digest for row in rows),
        previous=before.hash if before else FIRST_PREVIOUS,
    )
    return replace(sealed, hash=sealed.computed_hash())


def digest_of(digests: Iterable[bytes]) -> bytes:
    total = hashlib.sha256()
    for each in digests:
        total.update(each)
    return total.digest()


def epoch_text(at: datetime) -> str:
    """As PostgreSQL's extract(epoch FROM …) writes it."""
    microseconds = (at - _EPOCH) // timedelta(microseconds=1)
    return f"{microseconds // 10**6}.{microseconds % 10**6:06d}"


def spans(ids: Sequence[int]) -> str:
    """`(4, 5, 6, 3)` as "4-6,3"."""
    starts = [0, *(place for place, (one, two) in enumerate(pairwise(ids), 1) if two != one + 1)]
    ends = [*(start - 1 for start in starts[1:]), len(ids) - 1]
    return ",".join(
        str(ids[start]) if start == end else f"{ids[start]}-{ids[end]}"
        for start, end in zip(starts, ends, strict=True)
    )


def _ids(text: str) -> tuple[int, ...]:
    """Raises ValueError, also for more than a seal can have."""
    found: list[int] = []
    for span in text.split(","):
        first, dash, last = span.partition("-")
        start, stop = int(first), int(last if dash else first) + 1
        if not 0 < stop - start <= MOST_ROWS - len(found):
            raise ValueError(f"“{span}” are no ids")
        found += range(start, stop)
    return tuple(found)

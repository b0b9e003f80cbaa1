"""The check of the whole trail: each entry against its digests, each seal against its entries, the
chain against itself and against the anchor.

Rule: nothing is trusted that the one before did not vouch for, nothing that stands in a row or a seal
can end the check, and memory does not grow with the trail.
"""

import hashlib

from crm_core.audit import own, rows, store
from crm_core.audit.anchor import AnchorFile
from crm_core.audit.anchoring import compare
from crm_core.audit.findings import FaultKind, Faults, Head, Progress, Report
from crm_core.audit.rows import CheckedRow, Stretch
from crm_core.audit.sealing import horizon
from crm_core.audit.seals import BEGINNING, EVER, FIRST_PREVIOUS, MARK, Place, Seal
from crm_core.audit.store import Holder

_SEALS_AT_ONCE = 20
_END = Place(EVER, EVER)
_INSERTED = "the entry was not there when its time was sealed"
_REWRITTEN = "the entry and its digest are not those that were sealed"
_FULL = "redaction {} says that it was emptied, but it is not"


class Verification:
    """One check, used once."""

    def __init__(
        self, holder: Holder, anchor: AnchorFile | None, progress: Progress = lambda *_: None
    ) -> None:
        self._holder = holder
        self._anchor = anchor
        self._progress = progress
        self._faults = Faults()
        self._ends: dict[int, int] = {}
        self._archived_upto = 0
        self._seals = self._rows = self._redacted = self._archived = 0
        self._done = self._total = 0

    async def run(self) -> Report:
        """Raises DatabaseUnavailable."""
        head = await store.head(self._holder)
        self._ends = await self._era_ends(head)
        self._total = await store.sealed_rows(self._holder)
        await self._read_archives()
        last = await self._walk(head.id if head else 0)
        unsealed = await self._rest(last)
        async for undone in own.undone_redactions(self._holder):
            for row_id in undone.row_ids:
                self._fault(FaultKind.REDACTION_UNDONE, _FULL.format(undone.entry_id), row=row_id)
        anchored = 0
        if self._anchor is not None:
            anchored = await compare(self._holder, self._anchor, head, self._faults)
        return Report(
            head=Head(head.id, head.hash.hex()) if head else None,
            seals=self._seals,
            rows=self._rows,
            redacted=self._redacted,
            archived=self._archived,
            unsealed=unsealed,
            unanchored=max(0, head.id - anchored) if head and self._anchor else 0,
            archives=await own.archives(self._holder),
            faults=tuple(self._faults.kept),
            fault_count=self._faults.count,
        )

    async def _era_ends(self, head: Seal | None) -> dict[int, int]:
        """The highest id of each era; a restored database may have no seal of its newest era yet."""
        ends = await store.era_ends(self._holder)
        if head is not None and (await horizon(self._holder)).went_back(head):
            beyond = await rows.highest_after(self._holder, head.last, head.era_row_id)
            ends[head.era_row_id] = max(beyond, head.highest_row_id)
        return ends

    async def _read_archives(self) -> None:
        found = await own.archives(self._holder)
        self._archived_upto = max((each.last_seal for each in found), default=0)

    async def _walk(self, upto: int) -> Seal | None:
        before: Seal | None = None
        while batch := await store.after(
            self._holder, before.id if before else 0, upto=upto, most=_SEALS_AT_ONCE
        ):
            for seal in batch:
                await self._link(before, seal)
                await self._check(seal)
                before = seal
                self._seals += 1
        return before

    async def _link(self, before: Seal | None, seal: Seal) -> None:
        """Whether the seal follows from the one before."""
        expected = before.id + 1 if before else 1
        if seal.id != expected:
            missing = f"{expected}" if seal.id == expected + 1 else f"{expected} to {seal.id - 1}"
            self._fault(FaultKind.SEAL_MISSING, f"seal {missing} is not there", seal=expected)
        elif seal.previous != (before.hash if before else FIRST_PREVIOUS):
            self._fault(FaultKind.CHAIN_BROKEN, "it does not name the one before", seal=seal.id)
        elif not seal.continues(before):
            self._fault(
                FaultKind.CHAIN_BROKEN, "it does not begin where the one before ends", seal=seal.id
            )
        if before is not None and seal.era_row_id != before.era_row_id:
            await self._left_over(before)

    async def _left_over(self, last: Seal) -> None:
        """Nothing may stand behind the last seal of an era that is over."""
        async for row in rows.within(self._holder, self._stretch(last, last.last, _END)):
            self._look(row, last.id)
            self._fault(FaultKind.ROW_INSERTED, _INSERTED, seal=last.id, row=row.place.row_id)

    async def _check(self, seal: Seal) -> None:
        """The entries of a seal; one that was changed itself says nothing about them any more."""
        if seal.computed_hash() != seal.hash:
            said = "its hash does not fit what it says"
            self._fault(FaultKind.SEAL_CHANGED, said, seal=seal.id)
            await self._each(seal)
            return
        ids = seal.ids()
        if ids is None:
            self._fault(FaultKind.SEAL_CHANGED, "its list of entries is damaged", seal=seal.id)
            await self._each(seal)
            return
        await self._compare(seal, ids)

    async def _each(self, seal: Seal) -> None:
        async for row in rows.within(self._holder, self._stretch(seal, seal.after, seal.last)):
            self._look(row, seal.id)

    async def _compare(self, seal: Seal, ids: tuple[int, ...]) -> None:
        """The entries that are there with those that the seal tells of."""
        marks = {
            row_id: seal.marks[place * MARK : (place + 1) * MARK]
            for place, row_id in enumerate(ids)
        }
        faults, found, total = self._faults.count, 0, hashlib.sha256()
        async for row in rows.within(self._holder, self._stretch(seal, seal.after, seal.last)):
            self._look(row, seal.id)
            mark = marks.pop(row.place.row_id, None)
            if mark is None:
                self._fault(FaultKind.ROW_INSERTED, _INSERTED, seal=seal.id, row=row.place.row_id)
                continue
            if mark != row.digest[:MARK] and row.intact:
                self._fault(FaultKind.ROW_CHANGED, _REWRITTEN, seal=seal.id, row=row.place.row_id)
            found += 1
            total.update(row.digest)
        await self._missing(seal, tuple(marks), found)
        fits = total.digest() == seal.rows_digest or not found
        if not fits and faults == self._faults.count:
            self._fault(FaultKind.SEAL_CHANGED, "it does not fit its entries", seal=seal.id)

    async def _missing(self, seal: Seal, missing: tuple[int, ...], found: int) -> None:
        if missing and seal.id > self._archived_upto:
            await self._read_archives()  # an expiry may have come meanwhile
        self._step(len(missing))
        if not found and seal.id <= self._archived_upto:
            self._archived += len(missing)
            return
        for row_id in missing:
            self._fault(FaultKind.ROW_MISSING, "the entry is not there", seal=seal.id, row=row_id)

    async def _rest(self, last: Seal | None) -> int:
        """Look at the entries that no seal covers yet; returns how many."""
        era = last.era_row_id if last else 0
        end = self._ends.get(era, EVER)
        stretches = [Stretch(last.last if last else BEGINNING, _END, era, end)]
        if end != EVER:
            stretches.append(Stretch(BEGINNING, _END, end, EVER))
        count = 0
        for stretch in stretches:
            async for row in rows.within(self._holder, stretch):
                self._look(row, None)
                count += 1
        return count

    def _look(self, row: CheckedRow, seal_id: int | None) -> None:
        """One entry for itself."""
        self._rows += 1
        self._redacted += row.redacted
        if not row.intact:
            said = "the entry does not fit its digest"
            self._fault(FaultKind.ROW_CHANGED, said, seal=seal_id, row=row.place.row_id)
        if not row.explained:
            said = "it was emptied, and no redaction tells of it"
            self._fault(FaultKind.REDACTION_UNEXPLAINED, said, seal=seal_id, row=row.place.row_id)
        self._step(1)

    def _stretch(self, seal: Seal, after: Place, last: Place) -> Stretch:
        return Stretch(after, last, seal.era_row_id, self._ends.get(seal.era_row_id, EVER))

    def _step(self, count: int) -> None:
        self._done += count
        if count:
            self._progress(self._done, max(self._done, self._total))

    def _fault(
        self, kind: FaultKind, said: str, *, seal: int | None = None, row: int | None = None
    ) -> None:
        self._faults.add(kind, said, seal=seal, row=row)

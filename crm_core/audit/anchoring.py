"""The seals held against the anchor file.

Rule: this is what finds a chain that was rewritten as a whole: inside PostgreSQL it agrees with itself.
"""

from collections.abc import Sequence

from crm_core.audit.anchor import Anchored, AnchorFile
from crm_core.audit.findings import FaultKind, Faults
from crm_core.audit.seals import Seal
from crm_core.audit.store import Holder
from crm_core.statement import Statement

_LINES_AT_ONCE = 500
_HASHES = Statement(
    "SELECT id, encode(hash, 'hex') AS hash FROM audit_seals WHERE id = ANY(:ids::bigint[])"
)


async def compare(holder: Holder, anchor: AnchorFile, head: Seal | None, faults: Faults) -> int:
    """Note where file and seals differ; returns the newest seal in the file, 0 for none."""
    if not anchor.exists():
        if head is not None:
            faults.add(
                FaultKind.ANCHOR_MISSING,
                f"there is no file {anchor.path}: nobody can say whether the chain was rewritten",
            )
        return head.id if head else 0
    expected = 1
    for lines in anchor.batches(_LINES_AT_ONCE):
        hashes = await _hashes(holder, lines)
        for line in lines:
            if line.seal_id is None:
                continue
            _one(line, hashes.get(line.seal_id), faults)
            if line.seal_id > expected:
                said = (
                    f"seals {expected} to {line.seal_id - 1} are not in the file before this line"
                )
                faults.add(FaultKind.ANCHOR_MISSING, f"line {line.line}: {said}", seal=expected)
            expected = max(expected, line.seal_id + 1)
    return expected - 1


async def _hashes(holder: Holder, lines: Sequence[Anchored]) -> dict[int, str]:
    ids = [line.seal_id for line in lines if line.seal_id is not None]
    return {row["id"]: row["hash"] for row in await _HASHES.read(holder, {"ids": ids})}


def _one(line: Anchored, there: str | None, faults: Faults) -> None:
    if there is None:
        said = "the file has a seal that the database does not have"
    elif there != line.hash:
        said = "the file has another hash for this seal"
    else:
        return
    faults.add(FaultKind.ANCHOR_MISMATCH, f"line {line.line}: {said}", seal=line.seal_id)

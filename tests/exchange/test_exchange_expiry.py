"""Files of imports and exports do not stay for ever."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from crm_core.errors import Conflict
from crm_core.exchange.expiry import KEPT, expire
from crm_core.exchange.importing import ImportService
from crm_core.rights import SYSTEM
from tests.exchange.exchange_files import csv_file


async def test_files_and_refused_rows_go_after_two_weeks_and_the_figures_stay(
    imports: ImportService, seeded, tmp_path: Path
):
    rows = [["名称", "电话"], ["好店", "13600000001"], ["", "13600000002"]]
    preview = await imports.hand_in(SYSTEM, "a.csv", csv_file(tmp_path / "a.csv", rows, "utf-8"))
    await imports.start(SYSTEM, preview.job.id)
    job = await imports.run(preview.job.id)
    assert job is not None
    assert job.refused == 1
    waiting = await imports.hand_in(SYSTEM, "b.csv", csv_file(tmp_path / "b.csv", rows, "utf-8"))
    (imports.folder / f"export-{job.id}-2.part").write_text("of an attempt that was killed")
    (imports.folder / "notes.txt").write_text("not of a job")
    now = datetime.now(UTC)
    async with seeded.begin() as session:
        await session.execute(
            text("UPDATE exchange_jobs SET finished_at = now() WHERE id = :id"), {"id": job.id}
        )
    assert await expire(seeded, imports.folder, now + KEPT - timedelta(hours=1)) == 0
    assert await imports.refused_file(SYSTEM, job.id)
    assert await expire(seeded, imports.folder, now + KEPT + timedelta(hours=1)) == 4
    assert [path.name for path in imports.folder.iterdir()] == ["notes.txt"]
    assert not await imports.refusals(SYSTEM, job.id)
    with pytest.raises(Conflict):
        await imports.refused_file(SYSTEM, job.id)
    with pytest.raises(Conflict):
        await imports.start(SYSTEM, waiting.job.id)
    kept = await imports.get(SYSTEM, job.id)
    assert (kept.state, kept.added, kept.refused) == ("done", 1, 1)
    assert (await imports.get(SYSTEM, waiting.job.id)).state == "cancelled"
    assert await expire(seeded, imports.folder, now + 2 * KEPT) == 0

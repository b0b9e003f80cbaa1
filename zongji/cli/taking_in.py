"""A file that is taken in at once, with a bar, and its refused rows put where people find them."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from crm_core.exchange.imports import Imports
from crm_core.exchange.jobs import JobView
from crm_core.rights import SYSTEM
from zongji import settings
from zongji.cli.progress import bar


async def taken_in(
    files: Imports, file: Path, refused: Path, hand_in: Callable[[Path], Awaitable[JobView]]
) -> JobView:
    """`hand_in` is given a copy, which it may take over; `refused` is written when a row was."""
    copy = settings.load().var / f"incoming-{file.name}"
    try:
        await asyncio.to_thread(shutil.copyfile, file, copy)
        job = await hand_in(copy)
        with bar() as shown:
            task = shown.add_task("numbers", total=job.total)
            done = await files.run(
                job.id, lambda now: shown.update(task, completed=now.done, total=max(now.total, 1))
            )
        job = done or await files.get(SYSTEM, job.id)
        if job.refused:
            made = await files.refused_file(SYSTEM, job.id)
            await asyncio.to_thread(shutil.copyfile, made, refused)
        return job
    finally:
        copy.unlink(missing_ok=True)

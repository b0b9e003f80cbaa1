"""Imports and exports in processes of their own. Rule: stopped with the daemon; the next one goes on."""

import asyncio
import contextlib
import signal
import sys

import structlog

log = structlog.get_logger(__name__)

_PATIENCE_S = 5.0
running: dict[int, asyncio.subprocess.Process] = {}


async def launch(job_id: int) -> None:
    """Run `zongji exchange JOB`, whose settings are those of this process, until it ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "zongji", "exchange", str(job_id), stdin=asyncio.subprocess.DEVNULL
    )
    running[job_id] = process
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        await _stop(process)
        raise
    finally:
        del running[job_id]
    if code != 0:
        log.error("exchange_process_failed", job=job_id, code=code)


async def _stop(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

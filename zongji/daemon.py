"""The daemon's life: one per folder, on its own event loop, watched from outside, stopped by signal."""

import asyncio
import resource
import signal

import structlog
import uvloop

from zongji.bootstrap import running
from zongji.logs import configure_logging
from zongji.only_one import OnlyOne
from zongji.settings import Settings
from zongji.watchdog import Heart

log = structlog.get_logger(__name__)


def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises PlatformError when a second one is started."""
    configure_logging()
    _take_all_files()
    with OnlyOne(settings.var):
        uvloop.run(_serve(settings))


def _take_all_files() -> None:
    """As many connections as the system lets us have: each caller who waits is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    heart = Heart(settings.watchdog_s)
    heart.start()
    try:
        async with running(settings) as daemon:
            log.info("daemon_started", address=daemon.web.address, agi_port=daemon.agi.port)
            await stop.wait()
            log.info("daemon_stopping")
    finally:
        await heart.stop()

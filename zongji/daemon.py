"""The daemon's life: one per folder, on its own event loop, watched from outside, stopped by signal."""

import asyncio
import logging
import signal
import sys

import structlog
import uvloop

from zongji.bootstrap import running
from zongji.only_one import OnlyOne
from zongji.settings import Settings
from zongji.watchdog import Heart

log = structlog.get_logger(__name__)


def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises PlatformError when a second one is started."""
    configure_logging()
    with OnlyOne(settings.var):
        uvloop.run(_serve(settings))


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


def configure_logging(*, quiet: bool = False) -> None:
    """One line an event: readable on a terminal, JSON anywhere else; `quiet` leaves errors only."""
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer(
            exception_formatter=structlog.dev.plain_traceback  # local variables may hold secrets
        )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.ERROR if quiet else logging.INFO
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )

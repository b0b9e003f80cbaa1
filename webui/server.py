"""The web door on its port. Rule: `close` says goodbye to every page before the port goes."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import structlog
from aiohttp import web

from webui.app import create_app
from webui.door import DOOR, Door
from webui.services import WebServices

log = structlog.get_logger(__name__)

_SHUTDOWN_S = 3.0


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificate chain and key, as PEM files."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """Raises OSError, ssl.SSLError when the files cannot be used."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate, self.key)
        return context


class WebServer:
    """Serves the application until closed; `port` 0 takes a free one."""

    def __init__(
        self, services: WebServices, *, host: str, port: int, tls: Tls | None = None
    ) -> None:
        self._services = services
        self._host = host
        self._port = port
        self._tls = tls
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """Where it really listens."""
        if self._runner is None or not self._runner.addresses:
            return self._port
        return int(self._runner.addresses[0][1])

    @property
    def address(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}"

    @property
    def door(self) -> Door:
        """Raises RuntimeError when not started."""
        if self._runner is None:
            raise RuntimeError("the web server is not started")
        return self._runner.app[DOOR]

    async def start(self) -> Self:
        """Raises OSError when the port is taken."""
        runner = web.AppRunner(
            create_app(self._services), access_log=None, shutdown_timeout=_SHUTDOWN_S
        )
        await runner.setup()
        self._runner = runner
        context = self._tls.context() if self._tls else None
        try:
            await web.TCPSite(runner, self._host, self._port, ssl_context=context).start()
        except OSError:
            await self.close()
            raise
        log.info("web_started", address=self.address)
        return self

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
            log.info("web_stopped")

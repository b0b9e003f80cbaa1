"""A mail server for trials: takes every message and keeps it as a file, so that people can look.

Rule: nothing leaves the machine.
"""

import time
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Mailbox:
    """SMTP on loopback; each message lies in `folder` as <time>-<number>.eml."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._number = 0
        self._controller = Controller(self, hostname="127.0.0.1", port=port)

    def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    def messages(self) -> list[Path]:
        """In order of arrival."""
        return sorted(self._folder.glob("*.eml"))

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        """Called by aiosmtpd for each message."""
        self._number += 1
        name = f"{time.time_ns()}-{self._number}.eml"
        content = envelope.content or b""
        data = content if isinstance(content, bytes) else content.encode()
        (self._folder / name).write_bytes(data)
        return "250 kept"

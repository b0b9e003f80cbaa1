"""The worker that moves old entries of the trail to archives, where the settings ask for it.

Rule: it moves what is older than `keep`, which is never less than the law asks for, a day's worth to a file of its
own; an archive is never overwritten.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from crm_core.audit.retention import KEPT_BY_LAW
from crm_core.audit.service import AuditTrail
from crm_core.errors import Conflict
from crm_core.rights import SYSTEM
from crm_core.worker import Worker

log = structlog.get_logger(__name__)

_EVERY_S = 3600.0


class AuditExpiry(Worker):
    """`folder` is where the archives lie."""

    def __init__(
        self,
        trail: AuditTrail,
        folder: Path,
        keep: timedelta,
        *,
        clock: Callable[[], datetime],
        every_s: float = _EVERY_S,
    ) -> None:
        """Raises ValueError when `keep` is shorter than KEPT_BY_LAW."""
        if keep < KEPT_BY_LAW:
            raise ValueError(f"keep the trail for at least {KEPT_BY_LAW.days} days")
        super().__init__("audit-expiry", every_s=every_s)
        self._trail = trail
        self._folder = folder
        self._keep = keep
        self._clock = clock

    async def run_once(self) -> int:
        """How many entries were moved. Raises DatabaseUnavailable, Invalid (the folder)."""
        before = (self._clock() - self._keep).replace(hour=0, minute=0, second=0, microsecond=0)
        file = self._folder / f"audit-before-{before:%Y-%m-%d}.jsonl"
        if file.exists():
            return 0
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return (await self._trail.expire(SYSTEM, before, file)).rows
        except Conflict:  # another daemon is at it, or a seal does not verify, which `verify` tells
            log.warning("audit_not_expired", exc_info=True)
            return 0

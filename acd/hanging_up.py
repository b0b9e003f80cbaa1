"""Hanging up for an agent who talks: the own part, or the call.

Rule: what follows is what follows when somebody hangs up at a telephone; here nothing is decided. Who asked stands in
the call's record.
"""

import structlog

from acd.errors import HangUpUncertain, NotTalking
from acd.pausing import Send
from acd.records import CallRecord
from acd.service import AcdService
from ami_bridge.commands import Hangup
from ami_bridge.errors import ActionRefused, AmiBridgeError

log = structlog.get_logger(__name__)


class HangingUp:
    """Both raise HangUpUncertain when Asterisk did not confirm."""

    def __init__(self, acd: AcdService, send: Send) -> None:
        self._acd = acd
        self._send = send

    async def talk(self, record: CallRecord, agent_id: int) -> None:
        """The agent's telephone; the caller goes on to what comes after a talk. Raises NotTalking."""
        leg = self._acd.leg_in_talk(agent_id, record)
        if leg is None:
            raise NotTalking("Your telephone is not in this call any more.")
        record.step("talk_hung_up", by=agent_id)
        await self._hang_up(record, leg.uniqueid)

    async def call(self, record: CallRecord, agent_id: int) -> None:
        """The caller's line, and with it whoever talks there."""
        record.step("call_hung_up", by=agent_id)
        await self._hang_up(record, record.row.linkedid)

    async def _hang_up(self, record: CallRecord, channel: str) -> None:
        try:
            await self._send(record.row.node, Hangup(channel=channel))
        except ActionRefused as error:
            log.info("hung_up_before", call_id=record.call_id, error=str(error))
        except (AmiBridgeError, KeyError) as error:
            log.warning("not_hung_up", call_id=record.call_id, error=str(error))
            raise HangUpUncertain(
                "Asterisk did not confirm it: hang up at the telephone."
            ) from error

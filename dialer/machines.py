"""Whether a machine has answered, and when it listens.

Rule: AMD goes by loudness and pauses alone, so only a long greeting makes a machine: who says nothing, or of whom it is
not sure, is a person. Its times are those of amd.conf, except that somebody who is silent is not kept waiting for as long.
"""

from ami_bridge.agi import AgiSession

_SILENT_MS = 1500
_GREETED = ("LONGGREETING", "MAXWORDS", "MAXWORDLENGTH")
_SILENCE_MS, _ONCE, _WITHIN_S = 2000, 1, 30


async def has_answered(session: AgiSession) -> bool:
    """Listens to the first words of whoever has picked up."""
    await session.exec("AMD", str(_SILENT_MS))
    status = await session.get_variable("AMDSTATUS")
    cause = await session.get_variable("AMDCAUSE") or ""
    return status == "MACHINE" and cause.startswith(_GREETED)


async def listens(session: AgiSession) -> None:
    """Returns when greeting and beep are over, which is when the machine is silent; at the latest after half a minute."""
    await session.exec("WaitForSilence", str(_SILENCE_MS), str(_ONCE), str(_WITHIN_S))

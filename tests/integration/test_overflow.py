"""Callers whom nobody here can take, with every part real: an outside number over the trunk, and voicemail."""

from typing import Any

from tests.integration.site import ABSENT, OUTWARD
from tests.integration.sounds import loudest
from tests.integration.workplace import Workplace, kinds, until

CALLER = "022888801{:02d}"
LOUD = 1000
_SECOND = 16_000


async def test_with_nobody_at_work_the_caller_speaks_with_the_outside_number(
    work: Workplace,
) -> None:
    caller = await work.call(CALLER.format(1), did=OUTWARD)
    await work.record(CALLER.format(1), has=lambda found: "outside_answered" in kinds(found))
    assert await work.in_line(0) == []
    await work.hang_up(caller)
    record = await work.ended(CALLER.format(1))
    assert record["call"]["outcome"] == "outside"
    assert record["call"]["answered_at"] is not None


async def test_what_is_said_until_the_hang_up_is_kept_and_becomes_a_to_do(work: Workplace) -> None:
    number = CALLER.format(2)
    caller = await work.call(number, did=ABSENT)
    folder = work.stack.installation.var / "recordings" / "voicemails"

    async def speaking() -> bool:
        return any(file.stat().st_size > 4 * _SECOND for file in folder.glob("incoming/*.wav"))

    await until(speaking)
    await work.hang_up(caller)
    record = await work.ended(number)
    assert record["call"]["outcome"] == "voicemail"
    told = kinds(record)
    assert told.index("announced") < told.index("voicemail")

    async def given() -> dict[str, Any] | None:
        found = await work.board.request("GET", "/api/voicemails?queue=service")
        mine = (each for each in found["items"] if each["call_id"] == record["call"]["id"])
        return next((each for each in mine if each["todo_id"]), None)

    message = await until(given)
    assert message["seconds"] > 2
    (sound,) = folder.glob(f"2*/*/*/{record['call']['id']}.wav")
    assert max(loudest(sound)) > LOUD

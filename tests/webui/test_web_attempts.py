"""The ledger of attempts over the API."""

from datetime import UTC, datetime

from sqlalchemy import insert

from dialer.tables import Attempt
from tests.webui.web_house import House

NUMBER, AT = "13711117007", datetime(2026, 3, 1, 2, tzinfo=UTC)


async def test_attempts_at_a_number_are_told_and_that_none_was_altered(house: House) -> None:
    async with house.services.database.begin() as session:
        await session.execute(
            insert(Attempt).values(
                call_id="a7" * 16, number=NUMBER, message_token="t", rules="2026-2", at=AT,
                ended_at=AT, result="busy", cause=17, tech_cause="SIP 486 Busy Here",
            )
        )  # fmt: skip
    async with house.browser("supervisor") as boss, house.browser("admin") as admin:
        _, body = await boss.ask("GET", f"/api/attempts?number={NUMBER}")
        (kept,) = body["items"]
        assert (kept["result"], kept["sip_code"], kept["purpose"]) == ("busy", 486, "message")
        assert await admin.ask("GET", "/api/attempts/faults") == (200, {"items": []})
    async with house.browser("agent") as agent:
        assert (await agent.ask("GET", f"/api/attempts?number={NUMBER}"))[0] == 403

"""Questions stand on the pages of who may answer them, and their answers on the asker's page."""

from sqlalchemy import update

from crm_core.customers.fields import NewCustomer
from crm_core.people.tables import Role
from crm_core.rights import SYSTEM
from tests.webui.web_house import House


async def test_a_question_reaches_the_supervisor_and_the_answer_the_asker(house: House):
    async with (
        house.browser("agent") as agent,
        house.browser("agent2") as other,
        house.browser("supervisor") as boss,
    ):
        page, watch, stranger = await agent.open(), await boss.open(), await other.open()
        wanted = {"text": "可以开专票吗？", "customer_id": house.customer_id}
        status, body = await agent.ask("POST", "/api/knowledge/questions", wanted)
        assert status == 201, body
        key = str(body["question"]["id"])
        heard = (await watch.until(lambda state: key in state["questions"]))["questions"][key]
        assert (heard["text"], heard["asked_by_name"], heard["own"], heard["answer"]) == (
            "可以开专票吗？",
            "agent先生",
            False,
            None,
        )
        path = f"/api/knowledge/questions/{key}/answer"
        assert (await boss.ask("POST", path, {"text": "可以，备注税号。"}))[0] == 200
        state = await page.until(lambda state: state["questions"].get(key, {}).get("answer"))
        own = state["questions"][key]
        assert (own["own"], own["answer"]) == (True, "可以，备注税号。")
        assert own["answered_at"] is not None
        await watch.until(lambda state: key not in state["questions"])
        await stranger.until(lambda state: True)
        assert all(
            key not in message.get("set", {}).get("questions", {}) for message in stranger.heard
        )


async def test_a_question_of_a_customer_beyond_the_scope_does_not_reach_the_supervisor(
    house: House,
):
    new = {"name": "别组客户", "salesperson_id": house.ids["agent2"]}
    customer = await house.services.crm.customers.create(SYSTEM, NewCustomer.model_validate(new))
    async with house.services.database.begin() as session:
        own = update(Role).where(Role.code == "supervisor")
        await session.execute(own.values(scope="own"))
    async with house.browser("agent") as agent, house.browser("supervisor") as boss:
        watch = await boss.open()
        keys = []
        for wanted in ({"text": "甲", "customer_id": customer.id}, {"text": "乙"}):
            _, body = await agent.ask("POST", "/api/knowledge/questions", wanted)
            keys.append(str(body["question"]["id"]))
        state = await watch.until(lambda state: keys[1] in state["questions"])
        assert keys[0] not in state["questions"]

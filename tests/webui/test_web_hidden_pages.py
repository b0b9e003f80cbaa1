"""Pages that are open show nothing of a field that is hidden."""

from sqlalchemy import text

from tests.webui.hidden_customer import Marked, hide
from tests.webui.web_house import Browser, House


async def test_the_board_shows_no_hidden_level(house: House, reader: Browser, marked: Marked):
    for fields, shown in (((), True), (("customer.level",), False)):
        await hide(house, *fields)
        record = house.call()
        house.queue(record)
        page = await reader.open("board")
        state = await page.until(
            lambda state, call_id=record.call_id: state["waiting"].get(call_id)
        )
        if shown:
            await page.until(
                lambda state, call_id=record.call_id: state["waiting"][call_id]["level"]
            )
        else:
            assert state["waiting"][record.call_id]["level"] is None
        record.end("abandoned")
        await page.socket.close()


async def test_whose_number_it_is_stands_on_no_page(house: House, reader: Browser, marked: Marked):
    """A customer's number, that is; a stranger's is no field of anybody."""
    async with house.services.database.begin() as session:
        open_ones = await session.scalars(
            text("SELECT id FROM callbacks WHERE number = '13711223344'")
        )
        (callback,) = map(str, open_ones)
    for fields, shown in (((), True), (("customer.phones",), False)):
        await hide(house, *fields)
        records = [house.call(known=known) for known in (True, False)]
        for record in records:
            house.queue(record)
        ids = [record.call_id for record in records]
        board = await reader.open("board")
        state = await board.until(
            lambda state, ids=ids: all(each in state["waiting"] for each in ids)
        )
        displayed = [state["waiting"][each]["caller_display"] for each in ids]
        assert displayed == ["13800138000" if shown else None, "13800138000"]
        sidebar = await reader.open("sidebar")
        state = await sidebar.until(lambda state: callback in state["callbacks"])
        assert state["callbacks"][callback]["number"] == ("137****3344" if shown else "")
        for record in records:
            record.end("abandoned")
        for page in (board, sidebar):
            await page.socket.close()


async def test_a_page_that_is_open_is_closed_when_less_may_be_seen(
    house: House, reader: Browser, marked: Marked
):
    await hide(house)
    page = await reader.open("board")
    await page.hear()
    await hide(house, "customer.level")
    assert await page.closed() is not None

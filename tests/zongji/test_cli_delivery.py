"""`zongji delivery`, on a database of its own; and what the doctor says of fonts."""

from pathlib import Path

from sqlalchemy import text

from crm_core.bus import Bus
from crm_core.rights import SYSTEM
from orders.catalogue.commands import NewProduct
from orders.delivery.commands import NewRange, PutCourier
from orders.lines import OrderLine
from orders.sales.commands import PlaceOrder
from orders.services import Trade
from orders.stock.documents.commands import NewReceipt
from tests.databases import database_at
from tests.delivery.depot import COURIERS, RANGES
from tests.zongji.command import zongji
from zongji import doctor
from zongji.core import now
from zongji.settings import load


async def test_all_orders_that_are_picked_are_sorted_to_couriers_once(settings: Path, monkeypatch):
    monkeypatch.setenv("ZONGJI_SETTINGS", str(settings))
    database = database_at(load().database_url.get_secret_value())
    trade = Trade.of(database, Bus(), clock=now)
    await trade.couriers.put(SYSTEM, "own", PutCourier.model_validate(COURIERS["own"]))
    await trade.couriers.add_numbers(SYSTEM, "own", NewRange.model_validate(RANGES["own"]))
    async with database.begin() as session:
        await session.execute(text("UPDATE customers SET credit_limit = 100"))
    goods = NewProduct(sku="A", name_zh="货", name_en="Goods", unit="箱", list_price="1")
    await trade.catalogue.add(SYSTEM, goods)
    received = NewReceipt.model_validate({"lines": [{"sku": "A", "quantity": 10}]})
    await trade.stock_documents.receive(SYSTEM, "opening stock", received)
    for key, address in (("k1", "天津市河西区友谊路5号"), ("k2", "海南省三亚市海棠区1号")):
        order = PlaceOrder(key, 1, (OrderLine("A", 1),), address=address)
        placed = (await trade.orders.place(SYSTEM, order)).order
        for to in ("reviewed", "picking"):
            await trade.orders.move(placed.id, to, SYSTEM)
    await database.close()
    for made in (1, 0):
        said = zongji("delivery", "sort", settings=settings)
        assert said.code == 0, said
        assert f"{made} waybills made" in said.out
        assert "1 without: no_courier" in said.out


def test_the_doctor_says_which_font_papers_are_set_in(settings: Path, monkeypatch):
    monkeypatch.setenv("ZONGJI_SETTINGS", str(settings))
    found = doctor.paper_font()
    assert found.good
    assert "wqy-zenhei" in found.said


def test_the_doctor_says_how_to_mend_a_machine_without_a_font(settings: Path, monkeypatch):
    monkeypatch.setenv("ZONGJI_SETTINGS", str(settings))
    monkeypatch.setattr(doctor.fonts, "FOLDERS", ())
    doctor.fonts.found.cache_clear()
    found = doctor.paper_font()
    doctor.fonts.found.cache_clear()
    assert not found.good
    assert "apt-get install fonts-wqy-zenhei" in found.said

"""A believable catalogue to try Zongji with. Rule: filling twice changes nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.tables import Level
from crm_core.db import Database
from orders import stock
from orders.pricing import to_fen
from orders.tables import Product, ProductPrice, Stock


@dataclass(frozen=True, slots=True)
class Item:
    sku: str
    name_zh: str
    name_en: str
    unit: str
    price: str
    on_hand: int

    @property
    def list_price(self) -> Decimal:
        return Decimal(self.price)


CATALOGUE = (
    Item(
        "BJ-001",
        "牛栏山陈酿白酒 42度 500ml×12",
        "Niulanshan baijiu 42° 12×500 ml",
        "箱",
        "168.00",
        240,
    ),
    Item(
        "BJ-002",
        "泸州老窖头曲 52度 500ml×6",
        "Luzhou Laojiao Touqu 52° 6×500 ml",
        "箱",
        "396.00",
        120,
    ),
    Item(
        "BJ-003", "汾酒玻汾 53度 475ml×12", "Fenjiu glass bottle 53° 12×475 ml", "箱", "588.00", 90
    ),
    Item("BJ-004", "津酒帝王风范 38度 500ml", "Jinjiu 38° 500 ml", "瓶", "128.00", 200),
    Item("PJ-001", "青岛啤酒经典 500ml×12", "Tsingtao Classic beer 12×500 ml", "箱", "62.50", 800),
    Item("PJ-002", "雪花勇闯天涯 500ml×12", "Snow beer 12×500 ml", "箱", "48.00", 950),
    Item(
        "YL-001",
        "农夫山泉饮用天然水 550ml×24",
        "Nongfu Spring water 24×550 ml",
        "箱",
        "28.80",
        1500,
    ),
    Item("YL-002", "康师傅冰红茶 500ml×15", "Master Kong iced tea 15×500 ml", "箱", "36.50", 700),
    Item("YL-003", "可口可乐 330ml×24", "Coca-Cola 24×330 ml", "箱", "46.90", 650),
    Item("YL-004", "山海关汽水 330ml×24", "Shanhaiguan soda 24×330 ml", "箱", "52.00", 300),
    Item("YL-005", "王老吉凉茶 310ml×24", "Wanglaoji herbal tea 24×310 ml", "箱", "72.00", 400),
    Item("LY-001", "金龙鱼大豆油 5L×4", "Arawana soybean oil 4×5 l", "箱", "219.60", 180),
    Item("LY-002", "鲁花5S花生油 5L×4", "Luhua peanut oil 4×5 l", "箱", "519.60", 100),
    Item("LY-003", "小站稻大米 10kg", "Xiaozhan rice 10 kg", "袋", "79.90", 500),
    Item("LY-004", "五得利面粉 25kg", "Wudeli wheat flour 25 kg", "袋", "98.00", 260),
    Item("TW-001", "海天金标生抽 1.9L×6", "Haitian light soy sauce 6×1.9 l", "箱", "95.40", 220),
    Item("TW-002", "独流老醋 500ml×20", "Duliu mature vinegar 20×500 ml", "箱", "86.00", 160),
    Item("TW-003", "涪陵榨菜 80g×100", "Fuling pickles 100×80 g", "箱", "168.50", 140),
    Item(
        "FB-001", "康师傅红烧牛肉面 桶装×12", "Master Kong beef noodles 12 cups", "箱", "49.20", 600
    ),
    Item(
        "FB-002",
        "桂发祥十八街麻花 礼盒",
        "Guifaxiang fried dough twists, gift box",
        "盒",
        "66.60",
        12,
    ),
    Item("ZP-001", "维达抽纸 3层×24包", "Vinda tissues 24 packs", "箱", "58.80", 420),
    Item("ZP-002", "蓝月亮洗衣液 3kg×4", "Blue Moon detergent 4×3 kg", "箱", "139.20", 3),
)

# What the nearest channel levels pay; the ranks further out pay the list price.
_SHARES = (Decimal("0.86"), Decimal("0.90"), Decimal("0.94"))


async def fill(database: Database, *, clock: Callable[[], datetime]) -> None:
    """Catalogue, prices by level and opening stock; levels must exist already."""
    async with database.begin() as session:
        await _add_products(session)
        for item in CATALOGUE:
            known = await session.scalar(select(Stock.sku).where(Stock.sku == item.sku))
            if known is None:
                await stock.receive(session, item.sku, item.on_hand, clock())


async def _add_products(session: AsyncSession) -> None:
    products = [
        {
            "sku": item.sku,
            "name_zh": item.name_zh,
            "name_en": item.name_en,
            "unit": item.unit,
            "list_price": item.list_price,
        }
        for item in CATALOGUE
    ]
    await session.execute(insert(Product).on_conflict_do_nothing(), products)
    levels = (await session.scalars(select(Level.code).order_by(Level.rank, Level.code))).all()
    prices = [
        {"sku": item.sku, "level_code": level, "price": to_fen(item.list_price * share)}
        for level, share in zip(levels, _SHARES, strict=False)
        for item in CATALOGUE
    ]
    if prices:
        await session.execute(insert(ProductPrice).on_conflict_do_nothing(), prices)

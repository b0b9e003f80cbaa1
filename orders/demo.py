"""A believable catalogue to try Zongji with. Rule: filling twice changes nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.bus import Bus
from crm_core.customers.tables import Level
from crm_core.db import Database
from crm_core.rights import SYSTEM
from orders.catalogue.tables import Product, ProductCategory, ProductPack, ProductSubstitute
from orders.catalogue.words import found_by
from orders.money import to_fen
from orders.pricing.rules import RuleKind
from orders.pricing.tables import PriceRule
from orders.review.seeds import seed_limits
from orders.stock.documents.commands import NewReceipt
from orders.stock.documents.service import DocumentService
from orders.stock.tables import MAIN, Stock, Warehouse


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
_CATEGORIES = {
    "BJ": ("baijiu", "白酒", "Baijiu"),
    "PJ": ("beer", "啤酒", "Beer"),
    "YL": ("drinks", "饮料", "Soft drinks"),
    "LY": ("staples", "粮油", "Grain and oil"),
    "TW": ("seasoning", "调味", "Seasoning"),
    "FB": ("instant", "方便食品", "Instant food"),
    "ZP": ("household", "日化纸品", "Household"),
}
_SHELF_LIVES = {"PJ-001": 240, "YL-002": 270, "FB-001": 180, "FB-002": 60}
_OUTLET: dict[str, object] = {
    "code": "binhai",
    "name_zh": "滨海门市",
    "name_en": "Binhai outlet",
    "kind": "outlet",
    "serves": ["滨海新区"],
}
_COST = Decimal("0.70")
_ZONE = ZoneInfo("Asia/Shanghai")
_PACKS = (("BJ-004", "箱", 6, "738.00"), ("LY-003", "吨", 100, None), ("FB-002", "箱", 10, None))
_SUBSTITUTES = (("PJ-001", "PJ-002"), ("LY-002", "LY-001"), ("YL-004", "YL-003"))
_PROMOTIONS: tuple[dict[str, object], ...] = (
    {
        "kind": RuleKind.PERCENT_OFF,
        "name_zh": "啤酒百箱九七折",
        "name_en": "3 % off from 100 cases of beer",
        "category_code": "beer",
        "min_quantity": 100,
        "value": Decimal(3),
    },
    {
        "kind": RuleKind.FREE_GOODS,
        "name_zh": "王老吉买十送一",
        "name_en": "Wanglaoji: ten, and one free",
        "sku": "YL-005",
        "min_quantity": 10,
        "free_quantity": 1,
        "free_most": 20,
    },
    {
        "kind": RuleKind.ORDER_AMOUNT_OFF,
        "name_zh": "满五万减五百",
        "name_en": "500 off from 50,000",
        "min_total": Decimal(50_000),
        "value": Decimal(500),
    },
)


async def fill(database: Database, *, clock: Callable[[], datetime]) -> None:
    """Catalogue, prices by level, promotions, opening stock, and how much roles may approve; levels and roles must
    exist already.
    """
    async with database.begin() as session:
        await seed_limits(session)
        await _add_products(session)
        own = PriceRule.sku.in_([item.sku for item in CATALOGUE])
        if await session.scalar(select(PriceRule.id).where(own).limit(1)) is None:
            await _add_rules(session)
        await session.execute(insert(Warehouse).on_conflict_do_nothing(), [_OUTLET])
        skus = [item.sku for item in CATALOGUE]
        known = await session.scalar(select(Stock.sku).where(Stock.sku.in_(skus)).limit(1))
    if known is not None:
        return
    documents = DocumentService(database, Bus(), clock=clock, zone=_ZONE)
    for warehouse, share in ((MAIN, 1), ("binhai", 4)):
        await _open_stock(documents, warehouse, share, clock().astimezone(_ZONE).date())


async def _open_stock(documents: DocumentService, warehouse: str, share: int, today: date) -> None:
    """Opening stock as a receipt; two batches of what keeps for some time only."""
    lines = []
    for item in CATALOGUE:
        quantity = item.on_hand // share
        cost = (item.list_price * _COST).quantize(Decimal("0.01"))
        parts: tuple[dict[str, object], ...] = ({"quantity": quantity},)
        if item.sku in _SHELF_LIVES:
            near = quantity // 3
            parts = (
                {"quantity": near, "batch_no": "A01", "expires_on": today + timedelta(days=20)},
                {"quantity": quantity - near, "batch_no": "A02", "made_on": today},
            )
        lines += [part | {"sku": item.sku, "unit_cost": cost} for part in parts if part["quantity"]]
    new = NewReceipt.model_validate({"warehouse": warehouse, "lines": lines})
    await documents.receive(SYSTEM, f"demo-{warehouse}", new)


async def _add_products(session: AsyncSession) -> None:
    categories = [
        {"code": code, "name_zh": name_zh, "name_en": name_en, "path": [code]}
        for code, name_zh, name_en in _CATEGORIES.values()
    ]
    await session.execute(insert(ProductCategory).on_conflict_do_nothing(), categories)
    products = [
        {
            "sku": item.sku,
            "name_zh": item.name_zh,
            "name_en": item.name_en,
            "category_code": _CATEGORIES[item.sku[:2]][0],
            "keypad_code": f"{[*_CATEGORIES].index(item.sku[:2]) + 1}{item.sku[-3:]}",
            "unit": item.unit,
            "list_price": item.list_price,
            "shelf_life_days": _SHELF_LIVES.get(item.sku),
            "search": found_by(item.sku, item.name_zh, item.name_en),
        }
        for item in CATALOGUE
    ]
    await session.execute(insert(Product).on_conflict_do_nothing(), products)
    packs = [
        {"sku": sku, "unit": unit, "factor": factor, "list_price": price and Decimal(price)}
        for sku, unit, factor, price in _PACKS
    ]
    await session.execute(insert(ProductPack).on_conflict_do_nothing(), packs)
    substitutes = [{"sku": sku, "substitute_sku": other} for sku, other in _SUBSTITUTES]
    await session.execute(insert(ProductSubstitute).on_conflict_do_nothing(), substitutes)


async def _add_rules(session: AsyncSession) -> None:
    levels = (await session.scalars(select(Level.code).order_by(Level.rank, Level.code))).all()
    prices = [
        {
            "kind": RuleKind.PRICE,
            "sku": item.sku,
            "level_code": level,
            "value": to_fen(item.list_price * share),
        }
        for level, share in zip(levels, _SHARES, strict=False)
        for item in CATALOGUE
    ]
    if prices:
        await session.execute(insert(PriceRule), prices)
    for promotion in _PROMOTIONS:
        await session.execute(insert(PriceRule).values(promotion))

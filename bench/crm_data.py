"""A million customers with two numbers each, as fast as PostgreSQL can make them.

Rule: names, places, levels and figures are spread as a wholesaler's are; every run makes the same ones.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import uvloop
from sqlalchemy import text

from bench.server import database_server, make_schema
from crm_core.customers.card_views import address_line
from crm_core.db import Database
from crm_core.search_text import search_text
from crm_core.seeds import seed_channel, seed_roles
from zongji.platform.postgres import EmbeddedPostgres

_PLACES = (
    ("天津", "天津", "022"), ("北京", "北京", "010"), ("上海", "上海", "021"),
    ("河北", "石家庄", "0311"), ("河北", "唐山", "0315"), ("河北", "保定", "0312"),
    ("山东", "济南", "0531"), ("山东", "青岛", "0532"), ("江苏", "南京", "025"),
    ("江苏", "苏州", "0512"), ("浙江", "杭州", "0571"), ("广东", "广州", "020"),
    ("广东", "深圳", "0755"), ("四川", "成都", "028"), ("湖北", "武汉", "027"),
    ("陕西", "西安", "029"), ("河南", "郑州", "0371"), ("辽宁", "沈阳", "024"),
    ("黑龙江", "哈尔滨", "0451"), ("福建", "厦门", "0592"),
)  # fmt: skip
_WORDS = [
    "海河",
    "鼎盛",
    "老味道",
    "金穗",
    "顺达",
    "福临门",
    "鑫源",
    "永和",
    "瑞丰",
    "百惠",
    "佳乐",
    "恒通",
    "天合",
    "万家",
    "民生",
    "春晖",
    "东升",
    "振兴",
    "宏运",
    "聚德",
    "祥瑞",
    "嘉禾",
    "渤海",
    "燕赵",
    "长城",
    "泰山",
    "太湖",
    "西湖",
    "珠江",
    "长江",
]
_SECOND = [
    "兴",
    "达",
    "源",
    "隆",
    "泰",
    "和",
    "昌",
    "盛",
    "荣",
    "裕",
    "祥",
    "顺",
    "茂",
    "丰",
    "华",
    "宝",
    "利",
    "德",
    "信",
    "诚",
]
_TRADES = [
    "食品商行",
    "副食批发部",
    "便利店",
    "超市",
    "烟酒店",
    "茶叶商行",
    "粮油经营部",
    "贸易有限公司",
    "商贸有限公司",
    "海鲜干货行",
    "土特产店",
    "调味品批发",
    "饮料经销部",
    "酒业有限公司",
    "百货店",
]
_FAMILY = [
    "王",
    "李",
    "张",
    "刘",
    "陈",
    "杨",
    "赵",
    "黄",
    "周",
    "吴",
    "徐",
    "孙",
    "胡",
    "朱",
    "高",
    "林",
    "何",
    "郭",
    "马",
    "罗",
]
_GIVEN = [
    "建国",
    "秀英",
    "伟",
    "芳",
    "娜",
    "敏",
    "静",
    "丽",
    "强",
    "磊",
    "军",
    "洋",
    "勇",
    "艳",
    "杰",
    "娟",
    "涛",
    "明",
    "超",
    "霞",
]


_STREETS = ["友谊路", "中山路", "解放北路", "人民东街", "建设大道", "和平里", "新华西道", "南京路"]
NUMBER_STEP = 977


@contextmanager
def filled(sizes: Iterable[int]) -> Iterator[dict[int, str]]:
    """A server with a database for each number of customers; their addresses."""
    settings = {"shared_buffers": "2GB", "max_wal_size": "8GB"}
    with database_server(settings) as (server, _):
        databases = {}
        for size in sizes:
            began = time.monotonic()
            uvloop.run(fill(server, f"customers_{size}", size))
            print(f"{size:,} customers made in {time.monotonic() - began:.0f} s")
            databases[size] = server.url(f"customers_{size}")
        yield databases


async def fill(server: EmbeddedPostgres, database_name: str, customers: int) -> None:
    """A new database with the schema and this many customers, analysed."""
    server.execute(f"CREATE DATABASE {database_name}", "postgres")
    url = server.url(database_name)
    database = Database(url, statement_timeout_s=1800)
    await make_schema(database)
    async with database.begin() as session:
        await seed_roles(session)
        await seed_channel(session)
    indexes = await _without_text_indexes(database)
    await _make(database, customers)
    async with database.begin() as session:
        await session.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
        for statement in indexes:
            await session.execute(text(statement))
    await database.close()
    await asyncio.to_thread(server.execute, "VACUUM ANALYZE", database_name)


async def _without_text_indexes(database: Database) -> list[str]:
    """Indexes that are many times faster to make at once; the statements that make them."""
    async with database.begin() as session:
        found = await session.execute(
            text(
                "SELECT indexname, indexdef FROM pg_indexes"
                " WHERE schemaname = 'public' AND indexdef LIKE '%USING gin%'"
            )
        )
        rows = found.all()
        for row in rows:
            await session.execute(text(f'DROP INDEX "{row.indexname}"'))
    return [row.indexdef for row in rows]


async def _make(database: Database, customers: int) -> None:
    parts = {
        "words": [f"{word}{more}" for word in _WORDS for more in _SECOND],
        "trades": _TRADES,
        "people": [f"{family}{given}" for family in _FAMILY for given in _GIVEN],
    }
    async with database.begin() as session:
        for name, values in parts.items():
            await session.execute(
                text(f"CREATE TEMP TABLE {name} (n serial, name text, pinyin text, initials text)")
            )
            await session.execute(
                text(
                    f"INSERT INTO {name} (name, pinyin, initials) VALUES (:name, :pinyin, :initials)"
                ),
                [_spoken(value) for value in values],
            )
        await session.execute(
            text(
                "CREATE TEMP TABLE places (n serial, province text, city text, area text,"
                " pinyin text, initials text)"
            )
        )
        await session.execute(
            text(
                "INSERT INTO places (province, city, area, pinyin, initials)"
                " VALUES (:province, :city, :area, :pinyin, :initials)"
            ),
            [
                {"province": province, "city": city, "area": area} | _spoken(city)
                for province, city, area in _PLACES
            ],
        )
        await session.execute(
            text(
                "CREATE TEMP TABLE streets (n serial, province text, city text, street text, name text,"
                " pinyin text, initials text)"
            )
        )
        await session.execute(
            text(
                "INSERT INTO streets (province, city, street, name, pinyin, initials)"
                " VALUES (:province, :city, :street, :name, :pinyin, :initials)"
            ),
            [
                {"province": province, "city": city, "street": street}
                | _spoken(address_line(province, city, None, street))
                for province, city, _ in _PLACES
                for street in _STREETS
            ],
        )
        await session.execute(text(_CUSTOMERS), {"many": customers})
        await session.execute(text(_CHANNEL))
        await session.execute(text(_PHONES))
        await session.execute(text(_ADDRESSES))
        await session.execute(text(_INSIGHT))


def _spoken(name: str) -> dict[str, str]:
    _, pinyin, initials = f"{search_text(name)}  ".split(" ", 2)
    return {"name": name, "pinyin": pinyin, "initials": initials.strip()}


# Shares: 1 in 2000 a dealer of the upper levels, 1 in 8 a retailer, the rest consumers.
_CUSTOMERS = """
INSERT INTO customers (name, search_text, level_code, province, city, area_code, price_policy_code,
                       credit_limit, credit_used, overdue_entered, created_at, birthday)
SELECT name, name || ' ' || pinyin || ' ' || initials, level, province, city, area,
       CASE level WHEN 'consumer' THEN 'list' WHEN 'retailer' THEN 'off5' ELSE 'off15' END,
       CASE level WHEN 'consumer' THEN 0 ELSE 1000 * (h % 100) END,
       CASE level WHEN 'consumer' THEN 0 ELSE 10 * (h % 997) END,
       CASE WHEN h % 50 = 0 AND level <> 'consumer' THEN h % 5000 ELSE 0 END,
       timestamptz '2020-01-01' + (h % 2200) * interval '1 day',
       CASE WHEN h % 3 = 0 THEN date '1950-01-01' + (h % 20000)::int END
  FROM (
    SELECT g, h, p.province, p.city, p.area,
           CASE WHEN g <= 20 THEN 'national' WHEN g % 2000 = 0 THEN 'provincial'
                WHEN g % 400 = 0 THEN 'city' WHEN g % 8 = 0 THEN 'retailer' ELSE 'consumer' END AS level,
           CASE WHEN g % 8 = 0 OR g <= 20 THEN p.city || w.name || t.name ELSE q.name END AS name,
           CASE WHEN g % 8 = 0 OR g <= 20 THEN p.pinyin || w.pinyin || t.pinyin ELSE q.pinyin END
             AS pinyin,
           CASE WHEN g % 8 = 0 OR g <= 20 THEN p.initials || w.initials || t.initials
                ELSE q.initials END AS initials
      FROM (SELECT g, abs(hashint8(g)::bigint) AS h FROM generate_series(1, :many) AS g) AS numbered
      JOIN places p ON p.n = 1 + h % 20
      JOIN words w ON w.n = 1 + h % 600
      JOIN trades t ON t.n = 1 + h % 15
      JOIN people q ON q.n = 1 + h % 400
  ) AS made
 ORDER BY g
"""
# Retailers and consumers stand below one of the national agents.
_CHANNEL = """
UPDATE customers SET parent_id = 1 + id % 20, path = ARRAY[1 + id % 20]
 WHERE level_code IN ('retailer', 'city', 'provincial') AND id > 20
"""
_PHONES = f"""
INSERT INTO customer_phones (number, customer_id, is_main)
SELECT (13000000000 + id::bigint * {NUMBER_STEP})::text, id, true FROM customers
UNION ALL
SELECT COALESCE(area_code, '022') || lpad((20000000 + id)::text, 8, '0'), id, false FROM customers
ON CONFLICT DO NOTHING
"""
# As `crm_core.customers.words.of_address` makes it of a street with its place, the house's number and 号.
_ADDRESSES = """
INSERT INTO customer_addresses (customer_id, is_main, province, city, detail, search_text)
SELECT c.id, true, c.province, c.city, s.street || house || '号',
       s.name || house || '号 ' || s.pinyin || ' hao ' || s.pinyin || 'hao ' || s.initials
         || left(house, 1) || 'h'
  FROM customers c
  CROSS JOIN LATERAL (SELECT (1 + c.id % 900)::text) AS numbered (house)
  JOIN streets s ON s.province = c.province AND s.city = c.city AND s.n % 8 = c.id % 8
 WHERE c.level_code <> 'consumer'
"""
_INSIGHT = """
INSERT INTO customer_insight (customer_id, segment_code, grade_code, last_order_at)
SELECT id, (ARRAY['core','potential','regular','dormant'])[1 + id % 4],
       (ARRAY['A','B','C','D'])[1 + id % 4], created_at + interval '200 days'
  FROM customers WHERE id % 4 = 0
"""

"""What agents type finds what they mean, in the order in which they need it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from crm_core.knowledge import words
from crm_core.knowledge.commands import EntryEdit, EntryQuery, Use
from crm_core.knowledge.search import _page
from crm_core.search_text import plain

ENTRIES = {
    "退货政策": {
        "body": "签收后七天内无理由退货。\n\n- 运费由买家承担\n- 开箱后不退",
        "keywords": ("退款", "七天无理由"),
        "category_code": "returns",
    },
    "运费说明": {
        "body": "满500元包邮；西藏、新疆另计。退货运费见退货政策。",
        "keywords": ("包邮", "邮费"),
        "category_code": "delivery",
    },
    "开发票": {
        "body": "增值税专用发票需提供税号，三个工作日内开出。",
        "keywords": ("增票", "invoice"),
        "category_code": "payment",
    },
    "龙井茶冲泡": {
        "body": "水温80度，3克茶叶。不要用沸水。",
        "keywords": ("绿茶",),
        "sku": "LJ-250",
        "category_code": "product",
    },
    "长春分公司地址": {
        "body": "长春市重庆路19号，周末不发货。",
        "keywords": ("门店",),
        "category_code": "other",
    },
    "VIP代理等级": {
        "body": "全国总代享8折；Credit limit 见合同。",
        "keywords": ("折扣",),
        "category_code": "channel",
    },
}

QUALITY = [
    # typed → titles in the order expected, before anything was used
    ("退货政策", ["退货政策", "运费说明"]),
    ("退货", ["退货政策", "运费说明"]),
    ("退款", ["退货政策"]),
    ("tuihuo", ["退货政策", "运费说明"]),
    ("thzc", ["退货政策", "运费说明"]),
    ("TUIHUO", ["退货政策", "运费说明"]),
    ("ｔｕｉｋｕａｎ", ["退货政策"]),
    ("th", ["退货政策"]),
    ("qtwly", ["退货政策"]),  # of a keyword, and of the body
    ("运费", ["运费说明", "退货政策"]),
    ("yunfei", ["运费说明", "退货政策"]),
    ("运费 退货", ["运费说明", "退货政策"]),
    ("yf th", []),  # two letters find the beginning of a title or keyword, never a body
    ("包邮", ["运费说明"]),
    ("invoice", ["开发票"]),
    ("INV", ["开发票"]),
    ("kaifapiao", ["开发票"]),
    ("kfp", ["开发票"]),
    ("zengpiao", ["开发票"]),
    ("税号", ["开发票"]),
    ("zyfp", ["开发票"]),  # initials of a body, four letters
    ("zyf", []),  # and no fewer, which any long text would have somewhere
    ("lj-250", ["龙井茶冲泡"]),
    ("LJ", ["龙井茶冲泡"]),
    ("lj-2", ["龙井茶冲泡"]),
    ("longjing", ["龙井茶冲泡"]),
    ("茶", ["龙井茶冲泡"]),
    ("80度", ["龙井茶冲泡"]),
    ("沸水", ["龙井茶冲泡"]),
    ("changchun", ["长春分公司地址"]),
    ("重庆路", ["长春分公司地址"]),
    ("chongqing", ["长春分公司地址"]),
    ("vip", ["VIP代理等级"]),
    ("dengji", ["VIP代理等级"]),
    ("credit", ["VIP代理等级"]),
    ("8折", ["VIP代理等级"]),
    ("500", ["运费说明"]),
    ("退货 发票", []),
    ("没有的词", []),
    ("a", []),
    ("%", []),
    ("_", []),
]


@pytest.fixture
async def shelf(desk):
    """The entries by title; later ones are newer."""
    return {title: await desk.write(title, **values) for title, values in ENTRIES.items()}


async def titles(desk, office, q="", **more):
    found = await desk.service.search(office.wang, EntryQuery(q=q, **more))
    return [each.title for each in found]


async def test_each_query_finds_what_it_means_in_order(desk, office, shelf):
    wrong = {}
    for typed, expected in QUALITY:
        got = await titles(desk, office, typed)
        if got != expected:
            wrong[typed] = (got, expected)
    assert not wrong


async def test_title_and_keywords_come_before_the_body_and_then_use_decides(desk, office, shelf):
    for call in range(3):
        await desk.service.mark_used(office.wang, shelf["运费说明"].id, Use(call_id=f"{call:032x}"))
    assert await titles(desk, office, "退货") == ["退货政策", "运费说明"]
    newer = await desk.write("退货地址")
    assert await titles(desk, office, "退货") == ["退货地址", "退货政策", "运费说明"]
    await desk.service.mark_used(office.wang, shelf["退货政策"].id, Use())
    assert await titles(desk, office, "退货") == ["退货政策", "退货地址", "运费说明"]
    for call in range(2):
        await desk.service.mark_used(office.li, newer.id, Use(call_id=f"{call:032x}"))
    assert await titles(desk, office, "退货") == ["退货地址", "退货政策", "运费说明"]


async def test_without_a_query_the_most_used_come_first(desk, office, shelf):
    for title, uses in (("开发票", 3), ("龙井茶冲泡", 2), ("退货政策", 1)):
        for call in range(uses):
            await desk.service.mark_used(office.li, shelf[title].id, Use(call_id=f"{call:032x}"))
    assert await titles(desk, office) == [
        "开发票",
        "龙井茶冲泡",
        "退货政策",
        "VIP代理等级",
        "长春分公司地址",
        "运费说明",
    ]
    assert await titles(desk, office, category_code="returns") == ["退货政策"]
    assert await titles(desk, office, sku="LJ-250") == ["龙井茶冲泡"]
    assert await titles(desk, office, "茶", sku="nothing") == []


async def test_a_line_shows_the_words_it_was_found_by(desk, office, shelf):
    (first, second) = await desk.service.search(office.wang, EntryQuery(q="运费"))
    assert (first.title, first.in_head, second.title, second.in_head) == (
        "运费说明",
        True,
        "退货政策",
        False,
    )
    assert "运费" in second.excerpt
    long = await desk.write("长文", "前" * 5000 + "暗号Alpha在此" + "后" * 5000)
    for typed in ("暗号", "ALPHA"):
        (hit,) = await desk.service.search(office.wang, EntryQuery(q=typed))
        assert (hit.id, "暗号Alpha在此" in hit.excerpt, len(hit.excerpt)) == (long.id, True, 90)


async def test_pages_together_are_the_whole_list(desk, office):
    made = [await desk.write(f"茶{number}", "茶") for number in range(23)]
    body_only = [await desk.write(f"水{number}", "茶") for number in range(4)]
    for number, entry in enumerate((*made[:7], *body_only[:2])):
        for call in range(number % 3):
            await desk.service.mark_used(office.wang, entry.id, Use(call_id=f"{call:032x}"))
    whole = await desk.service.search(office.wang, EntryQuery(q="茶", limit=200))
    assert len(whole) == 27
    pages, after = [], None
    while page := await desk.service.search(office.wang, EntryQuery(q="cha", after=after, limit=5)):
        pages += page
        after = page[-1].id
    assert [each.id for each in pages] == [each.id for each in whole]
    assert [each.in_head for each in whole] == [True] * 23 + [False] * 4
    assert not await desk.service.search(office.wang, EntryQuery(q="茶", after=999_999_999))


async def test_what_was_edited_is_found_by_its_new_words_only(desk, office):
    made = await desk.write("旧题目", "旧正文")
    edit = EntryEdit(version=1, title="新标题", body="新内容", keywords=("关键",))
    await desk.service.edit(office.zhao, made.id, edit)
    assert await titles(desk, office, "旧") == []
    for typed in ("新标题", "neirong", "关键", "xbt"):
        assert await titles(desk, office, typed) == ["新标题"], typed


async def test_signs_of_like_and_of_markdown_stand_for_themselves(desk, office):
    await desk.write("折扣100%", "**加粗** `代码_一` C:\\路径")
    await desk.write("折扣1000", "代码二一")
    assert await titles(desk, office, "100%") == ["折扣100%"]
    assert await titles(desk, office, "码_一") == ["折扣100%"]
    assert await titles(desk, office, "c:\\路") == ["折扣100%"]
    assert await titles(desk, office, "**加粗**") == ["折扣100%"]
    assert await titles(desk, office, "'; DROP TABLE knowledge_entries; --") == []


async def test_many_words_at_once_are_no_trouble(desk, office):
    await desk.write("一二三四五六七八", "天地玄黄")
    assert await titles(desk, office, " ".join("一二三四五六七八")) == ["一二三四五六七八"]
    assert await titles(desk, office, "天 " * 50) == ["一二三四五六七八"]


async def test_a_search_uses_an_index_for_each_place(database):
    query = _page(["tuihuo"], EntryQuery()).compile(
        dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}
    )
    async with database.begin() as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        connection = await session.connection()
        plan = await connection.exec_driver_sql(f"EXPLAIN {query}".replace("%%", "%"))
        told = "\n".join(plan.scalars())
    for place in ("head", "body", "initials"):
        assert f"ix_knowledge_entries_{place}_grams" in told
    assert "Filter: (search_grams" not in told


HAN = "退货政策运费说明发票重庆长春"
bodies = st.text(alphabet=HAN + "abAB 12，。\n-*", min_size=1, max_size=40)


@given(bodies)
def test_a_body_keeps_its_text_and_the_pinyin_of_each_run(body):
    made = words.of_body(body)
    assert made.text.startswith(plain(body))
    letters = made.initials.replace(" ", "")
    assert letters.isascii()
    assert letters.isalpha() or not letters
    assert len(letters) <= sum(sign in HAN for sign in body)


def test_a_head_finds_each_part_by_its_own_initials():
    head = words.of_head("退货政策", ("七天", "Tea"), "LJ-250")
    assert head.split() == [
        *("退货政策", "tuihuozhengce", "thzc"),
        *("七天", "qitian", "qt"),
        *("tea", "t"),
        *("lj-250", "l2"),
    ]

"""Every part of a name that people type finds the name; PostgreSQL and Python cut alike."""

import secrets

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypinyin import lazy_pinyin
from sqlalchemy import select, text
from sqlalchemy.dialects import postgresql

from crm_core.customers.tables import CustomerAddress, CustomerPhone
from crm_core.search_text import contains, plain, query_grams, search_text

HAN = "天津海河滨塘沽食品总代理有限公司商贸超市便利店老味道华北京城惠民张王李"
names = st.text(alphabet=HAN + "AbK7 ·-（）", min_size=1, max_size=12).filter(plain)


@pytest.mark.parametrize(
    ("name", "found_by"),
    [
        (
            "华北食品总代理",
            ["华", "华北", "食品总", "huabei", "shipin", "hbsp", "hb", "HBSP", "ｈｕａ"],
        ),
        ("Harbour Fine Foods", ["harbour", "ARB", "fine", "hff", "ha", "fo"]),
        ("7天连锁酒店", ["7天", "tianlian", "7tlsjd", "酒店"]),
        ("老味道（南开）店", ["南开", "laoweidao", "lwd", "nankai"]),
    ],
)
def test_a_name_is_found_by_its_words_pinyin_and_initials(name, found_by):
    known = search_text(name)
    for wanted in found_by:
        assert plain(wanted) in known
        assert query_grams(plain(wanted))


def test_too_little_to_look_for_has_no_grams():
    assert query_grams("a") == ()
    assert query_grams("%") == ()
    assert query_grams("") == ()


@given(names)
def test_a_name_of_any_signs_has_a_bounded_text(name):
    assert plain(name) in search_text(name)
    assert len(search_text(name * 200)) <= 1000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_the_database_has_every_gram_that_a_part_of_a_name_asks_for(data, pg_server):
    name = data.draw(names)
    known = search_text(name)
    words = [w for w in known.split() if w]
    word = data.draw(st.sampled_from(words))
    begin = data.draw(st.integers(0, len(word) - 1))
    part = word[begin : data.draw(st.integers(begin + 1, len(word)))]
    grams = query_grams(part) if len(part) != 2 or begin == 0 else ()
    literal = known.replace("'", "''")
    held = pg_server.execute(f"SELECT array_to_string(search_grams('{literal}'), chr(9))", DATABASE)
    assert set(grams) <= set(held.strip("\n").split("\t")), (known, part)


def test_pinyin_of_a_whole_name_is_one_word_without_tones():
    assert search_text("重庆火锅").split()[1] == "".join(lazy_pinyin("重庆火锅"))


DATABASE = f"grams_{secrets.token_hex(4)}"


@pytest.fixture(scope="module", autouse=True)
async def function(pg_server):
    from crm_core.search_text import CREATE_FUNCTION

    pg_server.execute(f"CREATE DATABASE {DATABASE}", "postgres")
    pg_server.execute(CREATE_FUNCTION, DATABASE)


@pytest.mark.parametrize("column", [CustomerPhone.number, CustomerAddress.phone])
async def test_a_fragment_of_a_number_uses_the_index(database, column):
    found = select(column).where(contains(column, "567"))
    wanted = str(
        found.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    )
    async with database.begin() as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await session.scalars(text(f"EXPLAIN {wanted}".replace("%%", "%")))
        assert f"ix_{column.table.name}_{column.name}_grams" in "\n".join(plan)

"""What a person types is found by the condition itself, in a real PostgreSQL."""

import re
import secrets

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Text, literal, select
from sqlalchemy.dialects import postgresql

from crm_core.search_text import CREATE_FUNCTION, contains, plain, query_grams, search_text

DATABASE = f"conditions_{secrets.token_hex(4)}"
HAN = "天津海河滨塘沽食品总代理有限公司商贸超市便利店老味道华北京城惠民张王李重庆长春"
names = st.text(alphabet=HAN + "AbK7é ·-（）%_\\'", min_size=1, max_size=14).filter(
    lambda name: any(map(str.isalnum, name))
)


@pytest.fixture(scope="module", autouse=True)
def function(pg_server):
    pg_server.execute(f"CREATE DATABASE {DATABASE}", "postgres")
    pg_server.execute(CREATE_FUNCTION, DATABASE)


def finds(pg_server, text: str, wanted: str) -> bool:
    texts = select(literal(text, Text).label("words")).subquery()
    condition = contains(texts.c.words, wanted)
    assert condition is not None
    dialect = postgresql.dialect(paramstyle="named")
    query = select(condition).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    return pg_server.execute(str(query), DATABASE).strip() == "t"


def part(draw: st.DrawFn, word: str, least: int) -> str:
    begin = draw(st.integers(0, len(word) - least))
    return word[begin : draw(st.integers(begin + least, len(word)))]


@st.composite
def typed(draw: st.DrawFn) -> tuple[str, str]:
    """A name and something that must find it."""
    name = draw(names)
    known = search_text(name).split()
    ways = [(word, 1) for word in re.findall(r"[㐀-鿿]+", plain(name))]
    ways += [(word, 3) for word in known if re.fullmatch(r"[a-z0-9]{3,}", word)]
    heads = [word for word in known if re.fullmatch(r"[a-z0-9]{2,}", word)]
    if heads and (not ways or draw(st.booleans())):
        word = draw(st.sampled_from(heads))
        return name, word[: draw(st.integers(2, len(word)))]
    word, least = draw(st.sampled_from(ways or [("天", 1)]))
    return (name if ways else "天"), part(draw, word, least)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None
)
@given(typed())
@example(("100%纯牛奶", "100%"))
@example(("a_b\\c超市", "b\\c超"))
@example(("长春一店", "changchun"))
@example(("LJ-250 龙井", "lj-2"))
@example(("x(77) 7", "77)"))
@example(("龙井LJ-2", "-2 龙井"))
@example(("华北食品 天津", "华北 天津"))
def test_every_part_of_a_name_finds_it(pg_server, case):
    name, wanted = case
    assert finds(pg_server, search_text(name), wanted.upper()), case


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.data())
def test_three_digits_anywhere_find_a_number(pg_server, number, data):
    assert finds(pg_server, number, part(data.draw, number, 3))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("华北食品", "北华"),
        ("华北食品", "eish"[::-1]),
        ("华北食品", "bs"),  # two letters only from the beginning of a word
        ("100纯牛奶", "100%"),
        ("一二三", "一_三"),
        ("华北 食品", "北食"),
        ("华北食品", "华北 上海"),
    ],
)
def test_what_a_name_does_not_contain_does_not_find_it(pg_server, name, wanted):
    assert not finds(pg_server, search_text(name), wanted)


def all_grams(text: str) -> set[str]:
    """What `search_grams` promises, in the plainest way."""
    grams: set[str] = set()
    for word in re.findall(r"[a-z0-9\x80-\U0010ffff]+", text):
        for place, sign in enumerate(word):
            two, three = word[place : place + 2], word[place : place + 3]
            begins = place == 0 or not word[place - 1].isascii()
            grams |= {sign} if not sign.isascii() else set()
            grams |= {two} if len(two) == 2 and not two.isascii() else set()
            grams |= {three} if len(three) == 3 and three.isascii() else set()
            grams |= {f"^{two}"} if begins and len(two) == 2 and two.isascii() else set()
    return grams


def kept_grams(pg_server, text: str) -> set[str]:
    literal_text = text.replace("'", "''")
    query = f"SELECT array_to_string(search_grams('{literal_text}'), chr(9))"
    return set(filter(None, pg_server.execute(query, DATABASE).strip("\n").split("\t")))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(st.text(alphabet="ab1 A-天地é，😀'", max_size=40))
def test_the_database_cuts_exactly_these_grams(pg_server, text):
    assert kept_grams(pg_server, text) == all_grams(text)


@pytest.mark.parametrize(
    "word",
    [
        "".join(map(str, range(1000, 1400))),
        "".join(chr(0x4E00 + number) for number in range(700)),
        "".join(chr(0x4E00 + number) + "ab"[number % 2] * (number % 4) for number in range(400)),
        *(f"{'天' * 254}{'x' * some}yz天" for some in range(6)),
    ],
)
def test_a_long_word_is_cut_in_pieces_without_losing_a_gram(pg_server, word):
    assert kept_grams(pg_server, word) == all_grams(word)
    assert set(query_grams(word)) <= all_grams(word)

import pytest

from crm_core.db import Database
from crm_core.exchange.place_rows import Segment
from crm_core.places import store
from crm_core.places.finder import Place, Places, SegmentTable

TIANJIN = Place("022", "天津", "天津")


@pytest.fixture(scope="module")
async def places(database: Database) -> Places:
    found = Places()
    await found.load(database)
    return found


@pytest.mark.parametrize(
    ("number", "place"),
    [
        ("02223456789", TIANJIN),
        ("01065881234", Place("010", "北京", "北京")),
        ("02152345678", Place("021", "上海", "上海")),
        ("031187654321", Place("0311", "河北", "石家庄")),
        ("03512345678", Place("0351", "山西", "太原")),
        ("04792345678", Place("0479", "内蒙古", "锡林郭勒")),
        ("02365432109", Place("023", "重庆", "重庆")),
    ],
)
def test_a_landline_is_at_home_where_its_area_code_says(places, number, place):
    assert places.find(number) == place


def test_a_mobile_is_at_home_where_its_segment_was_given_out(places):
    assert places.find("13802012345") == TIANJIN
    assert places.find("13931155667") == Place("0311", "河北", "石家庄")


@pytest.mark.parametrize(
    "number", ["4008123456", "8008101234", "1001", "+85223456789", None, "09992"]
)
def test_numbers_without_a_place_have_none(places, number):
    assert places.find(number) is None


async def test_the_longest_override_wins_and_the_own_record_wins_over_all(places, database):
    segments = [
        Segment("1380201", "0315", "河北", "唐山", None),
        Segment("13802012", "0311", "河北", "石家庄", None),
    ]
    async with database.begin() as session:
        assert await store.put(session, segments) == (2, 0, 0)
    async with database.begin() as session:
        again = [Segment("1380201", "0310", "河北", "邯郸", "电信")]
        assert await store.put(session, again) == (0, 1, 0)
    await places.reload(database)
    assert places.find("13802012345") == Place("0311", "河北", "石家庄")
    assert places.find("13802019999") == Place("0310", "河北", "邯郸")
    assert places.find("13802012345", own=TIANJIN) == TIANJIN


def test_before_the_table_is_loaded_every_place_is_unknown():
    assert Places().find("02223456789") is None


async def test_without_postgresql_the_segment_table_still_serves():
    away = Database("postgresql://nobody@127.0.0.1:1/none")
    found = Places()
    await found.load(away)
    await away.close()
    assert found.find("02223456789") == TIANJIN


def test_no_name_carries_a_suffix_or_a_malformed_code():
    table = SegmentTable()
    for number in ("13800000000", "13904790000", "18648000000", "15904790000"):
        place = table.mobile(number)
        assert place is None or not place.city.endswith(("市", "省", "盟"))
        assert place is None or not (place.area_code or "").startswith("00")

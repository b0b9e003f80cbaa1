"""Which courier carries a parcel, and why; numbers; addresses; loads. No database."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from orders.delivery import addresses, areas, numbers
from orders.delivery.choice import Carrier, Parcel, Tariff, choose
from orders.delivery.codes import Check, Way
from orders.delivery.commands import CourierContent, MakeWaybills, NewRange, TariffContent
from orders.delivery.errors import BadWaybillNumber
from orders.delivery.packing import Capacity, Load, pack
from tests.delivery.depot import COURIERS


def tariff(price: str = "10", **more) -> Tariff:
    values = {
        "areas": (), "over_g": 0, "up_to_g": None, "first_g": 1000, "first_price": Decimal(price),
        "further_g": 1000, "further_price": Decimal(2), "days": 3,
    }  # fmt: skip
    return Tariff(**values | more)


def carrier(code: str, *tariffs: Tariff, **more) -> Carrier:
    values = {
        "ways": frozenset({"standard"}), "not_served": (), "priority": 0, "cod": False,
        "cod_fee_percent": Decimal(1), "cod_fee_least": Decimal(2), "cod_most": None,
    }  # fmt: skip
    return Carrier(code=code, tariffs=tariffs, **values | more)


def parcel(weight_g: int = 500, *, cod: str = "0", way: Way = Way.STANDARD, **place) -> Parcel:
    return Parcel(
        way, place.get("province", "河北省"), place.get("city", "唐山市"), weight_g, Decimal(cod)
    )


def codes(offer) -> list[str]:
    return [reason.code for reason in offer.why]


def test_the_cheapest_of_the_first_priority_is_chosen_and_every_other_is_answered_for():
    found = choose(
        parcel(),
        (
            carrier("dear", tariff("12")),
            carrier("cheap", tariff("10")),
            carrier("later", tariff("1"), priority=5),
            carrier("night", tariff("1"), ways=frozenset({"urgent"})),
        ),
    )
    assert found.chosen is not None
    assert (found.chosen.code, codes(found.chosen)) == ("cheap", ["tariff", "chosen"])
    assert [(offer.code, codes(offer)[-1]) for offer in found.offers[1:]] == [
        ("dear", "dearer"),
        ("later", "lower_priority"),
        ("night", "way_not_served"),
    ]
    assert found.offers[1].why[-1].params == {"by": "2.00", "than": "cheap"}


@pytest.mark.parametrize(
    ("carried", "wanted", "code"),
    [
        (carrier("c", tariff(areas=("天津",))), parcel(), "area_not_served"),
        (carrier("c", tariff(), not_served=("河北/唐山市",)), parcel(), "area_excluded"),
        (carrier("c", tariff(up_to_g=400)), parcel(), "weight_not_carried"),
        (carrier("c", tariff(over_g=500)), parcel(), "weight_not_carried"),
        (carrier("c", tariff()), parcel(cod="5"), "no_cod"),
        (carrier("c", tariff(), cod=True, cod_most=Decimal(4)), parcel(cod="5"), "cod_too_much"),
        (carrier("c", tariff()), parcel(way=Way.URGENT), "way_not_served"),
    ],
)
def test_who_cannot_carry_it_says_why(carried: Carrier, wanted: Parcel, code: str):
    found = choose(wanted, (carried,))
    assert found.chosen is None
    assert codes(found.offers[0]) == [code]


def test_the_tariff_of_the_city_comes_before_that_of_the_province_and_of_the_country():
    own = carrier(
        "c",
        tariff("30"),
        tariff("20", areas=("河北省", "山西省")),
        tariff("10", areas=("河北/唐山",)),
    )
    for place, price in (
        ({"province": "河北", "city": "唐山市"}, 10),
        ({"province": "河北省", "city": "保定市"}, 20),
        ({"province": "西藏自治区", "city": "拉萨市"}, 30),
        ({"province": None, "city": None}, 30),
    ):
        chosen = choose(parcel(**place), (own,)).chosen
        assert chosen is not None
        assert chosen.freight == price


@pytest.mark.parametrize(
    ("weight_g", "price"), [(0, 10), (1000, 10), (1001, 12), (2000, 12), (2001, 14)]
)
def test_each_further_step_that_is_begun_counts_whole(weight_g: int, price: int):
    assert tariff().price(weight_g) == price


def test_collecting_cash_costs_a_share_but_never_less_than_the_least():
    own = carrier("c", tariff(), cod=True)
    for amount, fee in (("0", "0"), ("50", "2"), ("1000", "10.00"), ("333.33", "3.33")):
        chosen = choose(parcel(cod=amount), (own,)).chosen
        assert chosen is not None
        assert chosen.cod_fee == Decimal(fee)
        assert chosen.cost == 10 + Decimal(fee)


PRICES = st.integers(0, 40).map(Decimal)
TARIFFS = st.builds(
    tariff,
    areas=st.sampled_from(((), ("河北",), ("河北/唐山",), ("天津",))),
    up_to_g=st.sampled_from((None, 600, 5000)),
    first_price=PRICES,
    further_price=PRICES,
)
CARRIERS = st.lists(
    st.builds(
        lambda code, tariffs, **more: carrier(code, *tariffs, **more),
        code=st.text("abcdef", min_size=1, max_size=3),
        tariffs=st.lists(TARIFFS, max_size=4),
        priority=st.integers(0, 2),
        cod=st.booleans(),
        not_served=st.sampled_from(((), ("河北",), ("天津",))),
    ),
    max_size=6,
    unique_by=lambda each: each.code,
)
PARCELS = st.builds(
    parcel,
    weight_g=st.integers(0, 8000),
    cod=st.sampled_from(("0", "99.50")),
    province=st.sampled_from(("河北省", "天津市", None)),
    city=st.sampled_from(("唐山市", "天津市", None)),
)


@given(PARCELS, CARRIERS, st.randoms())
def test_the_choice_is_the_best_possible_one_and_does_not_depend_on_the_order(
    wanted, carriers, random
):
    found = choose(wanted, tuple(carriers))
    shuffled = list(carriers)
    random.shuffle(shuffled)
    assert choose(wanted, tuple(shuffled)) == found
    assert sorted(offer.code for offer in found.offers) == sorted(c.code for c in carriers)
    assert all(offer.why for offer in found.offers)
    possible = [offer for offer in found.offers if offer.possible]
    assert (found.chosen is None) == (not possible)
    if found.chosen is not None:
        best = (found.chosen.priority, found.chosen.cost)
        assert all(best <= (offer.priority, offer.cost) for offer in possible)


@given(st.integers(0, 100_000), st.integers(0, 100_000))
def test_what_is_heavier_never_costs_less(one, other):
    light, heavy = sorted((one, other))
    assert tariff().price(light) <= tariff().price(heavy)


def test_the_check_digit_is_that_of_the_postal_union():
    for number in ("RR473124829GB", "EE000000016CN", "CP000000005CN"):
        serial, digit = number[2:10], number[10]
        assert (numbers.s10_check_digit(serial) == digit) == (
            numbers.made(Check.S10, number[:2], int(serial), 8, number[11:]) == number
        )
    assert numbers.read(Check.S10, " rr 473 124 829 gb ") == "RR473124829GB"


@given(st.integers(0, 99_999_999), st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_of_a_number_is_noticed(serial, place, by):
    right = numbers.made(Check.S10, "EE", serial, 8, "CN")
    assert numbers.read(Check.S10, right) == right
    at = 2 + place
    wrong = right[:at] + str((int(right[at]) + by) % 10) + right[at + 1 :]
    if place < 8 and numbers.s10_check_digit(wrong[2:10]) == right[10] == "5":
        return  # 5 stands for two remainders: the standard itself cannot tell them apart
    with pytest.raises(BadWaybillNumber):
        numbers.read(Check.S10, wrong)


@pytest.mark.parametrize("written", ["", "ab", "12 34;", "x" * 31, "中国邮政1234"])
def test_what_is_no_number_is_refused(written: str):
    with pytest.raises(BadWaybillNumber):
        numbers.read(Check.NONE, written)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("河北省唐山市路北区建设路1号", ("河北省", "唐山市", "路北区", "建设路1号")),
        ("天津市河西区友谊路5号", ("天津市", "天津市", "河西区", "友谊路5号")),
        ("内蒙古自治区包头市昆都仑区钢铁大街2号", ("内蒙古自治区", "包头市", "昆都仑区", "钢铁大街2号")),
        ("唐山市建设路1号", (None, "唐山市", None, "建设路1号")),
        ("唐山市建设路18号小区3号楼", (None, "唐山市", None, "建设路18号小区3号楼")),
        ("北京路18号", (None, None, None, "北京路18号")),
        ("22 Corner Street", (None, None, None, "22 Corner Street")),
    ],
)  # fmt: skip
def test_an_address_on_one_line_is_taken_apart(line: str, parts: tuple[str | None, ...]):
    found = addresses.apart(line)
    assert (found.province, found.city, found.district, found.street) == parts
    assert addresses.one_line(*parts) == line


@given(st.text(min_size=1, max_size=80).filter(str.strip))
def test_no_address_loses_a_sign(line: str):
    found = addresses.apart(line)
    assert (
        addresses.one_line(found.province, found.city, found.district, found.street) == line.strip()
    )


def test_names_of_areas_are_compared_without_the_words_for_what_they_are():
    assert areas.specificity("广西/南宁", "广西壮族自治区", "南宁市") == 2
    assert areas.specificity("广西", "广西壮族自治区", None) == 1
    assert areas.specificity("广西/南宁", "广西壮族自治区", None) == 0
    assert areas.specificity("广东", "广西", "广东市") == 0


LOADS = st.lists(
    st.builds(
        Load, st.integers(1, 50), st.none() | st.integers(1, 5), st.integers(0, 60), st.integers(0, 60)
    ),
    max_size=12,
    unique_by=lambda load: load.order_id,
)  # fmt: skip


@given(LOADS, st.integers(0, 150), st.integers(0, 150))
def test_a_vehicle_takes_what_fits_in_the_order_of_the_route_and_says_what_is_left(
    wanted, weight, volume
):
    packed = pack(wanted, Capacity(weight, volume))
    assert sum(load.weight_g for load in packed.taken) <= weight
    assert sum(load.volume_ml for load in packed.taken) <= volume
    assert sorted(load.order_id for load in (*packed.taken, *packed.left)) == sorted(
        load.order_id for load in wanted
    )
    places = [load.place for load in packed.taken if load.place is not None]
    assert places == sorted(places)
    room = (
        weight - sum(load.weight_g for load in packed.taken),
        volume - sum(load.volume_ml for load in packed.taken),
    )
    assert all(load.weight_g > room[0] or load.volume_ml > room[1] for load in packed.left)


@pytest.mark.parametrize(
    ("model", "content"),
    [
        (TariffContent, {"first_g": 1, "first_price": "1", "over_g": 5, "up_to_g": 5}),
        (CourierContent, COURIERS["ems"] | {"ways": ["self_collection"]}),
        (CourierContent, COURIERS["ems"] | {"feedback_columns": {"colour": "颜色"}}),
        (NewRange, {"width": 3, "first_serial": 5, "last_serial": 4}),
        (NewRange, {"width": 2, "first_serial": 5, "last_serial": 100}),
        (MakeWaybills, {"order_ids": [1], "courier_code": "ems"}),
        (MakeWaybills, {"order_ids": [1, 2], "number": "EE000000016CN"}),
    ],
)
def test_what_cannot_be_is_refused_before_it_travels(model, content):
    with pytest.raises(ValidationError):
        model.model_validate(content)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.errors import Forbidden
from crm_core.rights import SYSTEM
from orders.errors import MoveNotAllowed
from orders.sales import flow
from orders.sales.flow import LABELS, MOVES, By, Credit, Status
from orders.stock.moves import Goods
from tests.crm_core.crm_core_support import person

ENDS = {Status.SETTLED, Status.CANCELLED, Status.RETURNED}


def test_every_status_has_a_name_in_both_languages_and_a_way_to_an_end():
    assert set(LABELS) == set(Status)
    assert all(zh and en for zh, en in LABELS.values())
    for status in Status:
        reached, edge = {status}, {status}
        while edge:
            edge = {to for origin, to in MOVES if origin in edge} - reached
            reached |= edge
        assert reached & ENDS


def test_an_agent_may_cancel_until_picking_and_touch_nothing_after_shipping():
    agent = person("agent")
    for status in ("backordered", "review", "placed", "reviewed"):
        assert flow.allowed(status, agent) == ("edit", "cancelled")
    for status in ("picking", "shipped", "in_transit", "delivered", "settled"):
        assert flow.allowed(status, agent) == ()


@pytest.mark.parametrize(
    ("origin", "to"),
    [
        ("placed", "shipped"),
        ("settled", "placed"),
        ("shipped", "cancelled"),
        ("placed", "lost"),
        ("review", "placed"),
    ],
)
def test_a_move_outside_the_table_is_refused_with_both_ends_named(origin, to):
    with pytest.raises(MoveNotAllowed) as refused:
        flow.decide(origin, to, SYSTEM)
    assert refused.value.code == "move_not_allowed"
    assert refused.value.fields == {"status": origin, "to": to}


def test_a_change_holds_and_lets_go_what_only_a_reviewer_may_move_by_hand():
    agent = person("agent")
    for origin in ("placed", "reviewed"):
        with pytest.raises(Forbidden):
            flow.decide(origin, "review", agent)
        assert flow.decide(origin, "review", agent, by=By.CHANGE)
    assert flow.decide("review", "placed", agent, by=By.CHANGE)
    with pytest.raises(Forbidden):
        flow.decide("review", "placed", person("operations"), by=By.CHANGE)
    with pytest.raises(MoveNotAllowed):
        flow.decide("placed", "reviewed", agent, by=By.CHANGE)


@given(st.lists(st.integers(0, 3), max_size=12), st.booleans(), st.booleans())
def test_on_every_path_goods_and_credit_are_given_back_exactly_once(choices, over_limit, waits):
    status = Status.BACKORDERED if waits else Status.REVIEW if over_limit else Status.PLACED
    on_hand, reserved, credit = 0, 0 if waits else 1, 0 if over_limit else 1
    for choice in choices:
        ways = [(to, move) for (origin, to), move in MOVES.items() if origin == status]
        if not ways:
            break
        status, move = ways[choice % len(ways)]
        match move.goods:
            case Goods.RESERVE:
                reserved += 1
            case Goods.RELEASE:
                reserved -= 1
            case Goods.SHIP:
                on_hand, reserved = on_hand - 1, reserved - 1
            case Goods.RESTOCK:
                on_hand += 1
            case Goods.REPLACE:
                on_hand -= 1
        match move.credit:
            case Credit.HOLD:
                credit = 1
            case Credit.RELEASE:
                credit = 0
    assert reserved in (0, 1)
    assert on_hand <= 0
    if status in ENDS:
        assert reserved == 0
        assert credit == 0

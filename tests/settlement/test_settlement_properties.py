"""Several people settle in any order: each item is settled once, no money is created, sums are sums."""

import asyncio
import contextlib
import random

from hypothesis import Phase, given
from hypothesis import strategies as st

from crm_core.errors import DomainError
from crm_core.rights import SYSTEM
from orders.settlement.commands import ChangeSettlement, SettlementQuery
from orders.settlement.views import SettlementView
from tests.repeated import repeated
from tests.settlement.counting_house import CountingHouse

ACTS = (
    "deliver",
    "draft",
    "recompute",
    "statement",
    "resolve",
    "confirm",
    "pay",
    "finish",
    "discard",
)
STORIES = st.lists(
    st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 99)), min_size=1, max_size=3),
    min_size=6,
    max_size=10,
)
RUNS = 5


def plans() -> list[list[list[tuple[str, int]]]]:
    """The same in every run, so that a failure can be looked at; but for a deep one."""
    found: list[list[list[tuple[str, int]]]] = []

    @repeated(RUNS, phases=[Phase.generate])
    @given(STORIES)
    def collect(story: list[list[tuple[str, int]]]) -> None:
        found.append(story)

    collect()
    return found


class Story:
    """What people do with one courier, some of it at the same moment."""

    def __init__(self, house: CountingHouse, courier: str, folder) -> None:
        self.house, self.courier, self.folder = house, courier, folder
        self.numbers: list[str] = []

    async def do(self, act: str, chance: int) -> None:
        with contextlib.suppress(DomainError):
            await getattr(self, f"_{act}")(random.Random(chance))

    async def _open(self) -> SettlementView:
        query = SettlementQuery(party_kind="courier", party_code=self.courier)
        found = await self.house.settlements.listed(SYSTEM, query)
        if not found:
            raise DomainError("nothing drafted yet")
        return found[0]

    async def _deliver(self, chance: random.Random) -> None:
        told = chance.choice((None, "100.00", "97.50"))
        _, number = await self.house.delivered(self.courier, collected=told)
        self.numbers.append(number)

    async def _draft(self, chance: random.Random) -> None:
        del chance
        await self.house.draft(self.courier)

    async def _recompute(self, chance: random.Random) -> None:
        del chance
        view = await self._open()
        change = ChangeSettlement(version=view.version)
        await self.house.settlements.recompute(SYSTEM, view.id, change)

    async def _discard(self, chance: random.Random) -> None:
        view = await self._open()
        if chance.random() < 0.5:
            change = ChangeSettlement(version=view.version)
            await self.house.settlements.discard(SYSTEM, view.id, change)

    async def _statement(self, chance: random.Random) -> None:
        view = await self._open()
        rows = [
            f"{number},{chance.choice(('100', '99', '0'))}"
            for number in [*self.numbers, "STRANGE"]
            if chance.random() < 0.8
        ]
        content = "\n".join(["运单号,代收货款", *rows, ""])
        await self.house.statement(view, self.folder, content)

    async def _resolve(self, chance: random.Random) -> None:
        view = await self._open()
        for each in await self.house.differences(view.id):
            await self.house.resolve(each.id, chance.choice(("ours", "theirs", "postponed")))

    async def _confirm(self, chance: random.Random) -> None:
        await self._resolve(chance)
        await self.house.confirm(await self._open())

    async def _pay(self, chance: random.Random) -> None:
        view = await self._open()
        left = abs(view.balance - view.paid)
        if not left:
            raise DomainError("nothing is left")
        await self.house.pay(view, chance.choice((left, left / 2)).quantize(left))

    async def _finish(self, chance: random.Random) -> None:
        del chance
        await self.house.trade.finisher.finish_some()


async def test_whatever_people_do_at_once_each_item_is_settled_once_and_no_money_is_created(
    house: CountingHouse, tmp_path
):
    for plan in plans():
        story = Story(house, await house.courier(), tmp_path)
        await story.do("deliver", 0)
        for moment in plan:
            await asyncio.gather(*(story.do(*each) for each in moment))
            await house.assert_adds_up()
    await house.finish()
    await house.assert_adds_up()
    twice = await house.rows(
        "SELECT subject, subject_id, kind FROM settlement_items GROUP BY 1, 2, 3 HAVING count(*) > 1"
    )
    assert twice == []
    confirmed = await house.rows(
        "SELECT DISTINCT state FROM settlements WHERE state IN ('confirmed','paid')"
    )
    assert confirmed, "the plans settle something"

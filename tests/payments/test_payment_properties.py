"""Payments in any order, repeated and faulty: money is never created, and credit is never freed twice."""

import asyncio
import random
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import Phase, given
from hypothesis import strategies as st

from crm_core.errors import DomainError
from crm_core.rights import SYSTEM
from orders.payments.commands import EnteredMoney, StartRefund
from orders.payments.flow import MOVES, State, moved
from orders.payments.sandbox.faults import Fault
from orders.payments.sandbox.ledger import Refusal
from orders.payments.sandbox.server import charge_content
from tests.payments.till import Till
from tests.repeated import repeated

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["start", "pay", "tell_again", "look", "by_hand", "refund", "pay_back", "cancel", "age"]
        ),
        st.integers(1, 60),
        st.sampled_from([None, *(set(Fault) - {Fault.DELAY})]),
    ),
    max_size=14,
)
RUNS = 12
AT_FIRST = (None, *(fault for fault in Fault if fault is not Fault.DELAY))
AT_LAST = (None, Fault.ANSWER_LOST, Fault.REFUND_LATER)
"""What goes wrong with the first payment and the last refund of a story."""
SURELY = {
    ("receipt", "wechat"),
    ("refund", "wechat"),
    ("amount_differs", "open"),
    ("wrong_currency", "open"),
}
"""What must have happened in some story, so that the properties are known to be tried."""
NOT_BOOKED = ("amount_differs", "wrong_currency", "paid_twice")


def plans() -> list[list[tuple[str, int, Fault | None]]]:
    """The same in every run, so that a failure can be looked at; but for a deep one."""
    found: list[list[tuple[str, int, Fault | None]]] = []

    @repeated(RUNS, phases=[Phase.generate])
    @given(STEPS)
    def collect(steps: list[tuple[str, int, Fault | None]]) -> None:
        found.append(steps)

    collect()
    return found


class Story:
    """One order, and what is done with its money."""

    def __init__(self, till: Till, order_id: int, number: int) -> None:
        self.till = till
        self.order_id = order_id
        self.number = number
        self.turn = 0
        self.payments: list[int] = []

    async def do(self, step: str, amount: int, fault: Fault | None) -> None:
        self.turn += 1
        faults = {fault} if fault else set()
        self.till.sandbox.faults = faults & {Fault.ANSWER_LOST, Fault.REFUND_LATER}
        try:
            await getattr(self, f"_{step}")(Decimal(amount), faults)
        except (DomainError, Refusal):
            pass
        finally:
            self.till.sandbox.faults = set()

    async def check(self, *, at_the_end: bool = False) -> None:
        """The ledger is never more than what the outside paid, and nothing is held beyond what is owed; at the end it
        is just that, but for what waits for a person as a difference.
        """
        till = self.till
        money = await till.money(self.order_id)
        signed = [e.amount if e.kind == "receipt" else -e.amount for e in money.entries]
        assert sum(signed) == money.paid >= 0
        there = [c for c in till.sandbox.ledger.charges.values() if await self._is_ours(c.token)]
        paid = sum((Decimal(charge.paid) / 100 for charge in there), Decimal(0))
        refunded = sum((Decimal(charge.refunded) / 100 for charge in there), Decimal(0))
        came = sum(e.amount for e in money.entries if (e.kind, e.source) == ("receipt", "wechat"))
        assert came <= paid
        went = sum(e.amount for e in money.entries if (e.kind, e.source) == ("refund", "wechat"))
        assert went <= refunded
        if at_the_end:
            assert came + await self._left_to_a_person(*NOT_BOOKED) == paid
            assert went + await self._left_to_a_person("refund_unbooked") == refunded
        assert money.paid <= money.owed or money.refundable <= money.paid - money.owed
        await till.shop.assert_ledger_adds_up()

    async def _left_to_a_person(self, *kinds: str) -> Decimal:
        """What the open differences of the order say that the outside moved."""
        return await self.till.shop.scalar(
            "SELECT coalesce(sum(found), 0) FROM payment_differences"
            " WHERE order_id = :id AND state = 'open' AND kind = ANY(:kinds)",
            id=self.order_id,
            kinds=list(kinds),
        )

    async def end(self) -> None:
        """Every refund that the gateway began is through, and whoever watches has looked often enough."""
        for refund in self.till.sandbox.ledger.refunds.values():
            refund.state = "SUCCESS"
        for _ in range(3):
            self.till.shop.clock.pass_by(timedelta(hours=2))
            await self.till.watch.run_once()

    async def _is_ours(self, token: str) -> bool:
        return bool(
            await self.till.shop.scalar(
                "SELECT count(*) FROM payments WHERE token = :token AND order_id = :id",
                token=token,
                id=self.order_id,
            )
        )

    async def _start(self, amount: Decimal, _: set[Fault]) -> None:
        payment = await self.till.start(self.order_id, amount=amount)
        self.payments.append(payment.id)

    async def _pay(self, _: Decimal, faults: set[Fault]) -> None:
        for payment in self.payments[-1:]:
            await self.till.sandbox.pay(await self.till.token(payment), faults)

    async def _tell_again(self, *_: object) -> None:
        for payment in self.payments:
            charge = self.till.sandbox.ledger.charges.get(await self.till.token(payment))
            if charge is not None and charge.paid:
                tell = self.till.sandbox.callbacks.tell
                content = charge_content(charge) | {"trade_state": "SUCCESS"}
                await tell(charge.notify_url, "TRANSACTION.SUCCESS", content, set())

    async def _look(self, *_: object) -> None:
        for payment in self.payments:
            await self.till.shop.trade.gateway.check(SYSTEM, payment)

    async def _by_hand(self, amount: Decimal, _: set[Fault]) -> None:
        await self.till.shop.trade.payments.enter(SYSTEM, self.order_id, self._slip(amount))

    async def _pay_back(self, amount: Decimal, _: set[Fault]) -> None:
        await self.till.shop.trade.payments.pay_back(SYSTEM, self.order_id, self._slip(amount))

    async def _refund(self, amount: Decimal, _: set[Fault]) -> None:
        for payment in self.payments:
            wanted = StartRefund(payment_id=payment, amount=amount, words="x")
            key = f"story-{self.number}-{self.turn}-{payment}"
            await self.till.shop.trade.gateway.refund(SYSTEM, self.order_id, wanted, key)

    async def _cancel(self, *_: object) -> None:
        await self.till.shop.move(self.order_id, "cancelled")

    async def _age(self, *_: object) -> None:
        self.till.shop.clock.pass_by(timedelta(minutes=40))
        await self.till.watch.run_once()

    def _slip(self, amount: Decimal) -> EnteredMoney:
        return EnteredMoney(
            amount=amount,
            method="transfer",
            reference=f"slip-{self.number}-{amount}",
            paid_at=self.till.shop.clock(),
        )


async def test_money_is_never_created_whatever_happens_in_whatever_order(till: Till):
    happened: set[tuple[str, str]] = set()
    for number, steps in enumerate(plans()):
        story = Story(till, await till.order(), number)
        first, last = AT_FIRST[number % len(AT_FIRST)], AT_LAST[number % len(AT_LAST)]
        opening = [("start", 60, None), ("pay", 1, first)]
        for step in [*opening, *steps, ("by_hand", 61, None), ("refund", 7, last)]:
            await story.do(*step)
        await story.check()
        await story.end()
        await story.check(at_the_end=True)
        money = await till.money(story.order_id)
        happened |= {(entry.kind, entry.source) for entry in money.entries}
        happened |= set(await till.differences(story.order_id))
    assert happened >= SURELY


async def test_a_storm_of_people_and_call_backs_on_one_order_books_each_payment_once(till: Till):
    chance = random.Random(11)
    order_id = await till.order()
    payment = await till.start(order_id, amount=Decimal(60))
    charge = await till.sandbox.pay(await till.token(payment.id), {Fault.LOST})
    back = till.sandbox.callbacks
    body = back.body("TRANSACTION.SUCCESS", charge_content(charge))
    story = Story(till, order_id, 999)
    work = [back.post(charge.notify_url, body, back.seal(body)) for _ in range(6)]
    work += [till.shop.trade.gateway.check(SYSTEM, payment.id) for _ in range(6)]
    work += [story.do("by_hand", 40, None) for _ in range(6)]
    chance.shuffle(work)
    await asyncio.gather(*work)
    assert await till.paid(order_id) == Decimal(100)
    assert await till.used(order_id) == 0
    await till.shop.assert_ledger_adds_up()


@pytest.mark.parametrize("current", list(State))
@pytest.mark.parametrize("to", list(State))
def test_an_attempt_moves_only_along_the_table(current: State, to: State):
    if current == to or (current, to) in MOVES:
        assert moved(current, to) == to
    else:
        with pytest.raises(ValueError, match="cannot become"):
            moved(current, to)

"""Goods moved in one warehouse, balances and batches together. Rule: all balances are locked in the order
of their sku before the first changes; goods of a blocked batch are unblocked on their way out, and blocked on
their way in, so that the blocked part of a balance is what lies in blocked batches.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from orders.errors import BadDocument
from orders.lines import StockLine
from orders.stock import batches, ledger
from orders.stock.batches import Batch, BatchChange
from orders.stock.events import StockChanged
from orders.stock.ledger import Cause
from orders.stock.moves import EFFECT, Goods


@dataclass(frozen=True, slots=True)
class Posting:
    """`quantity` of `kind`, less than nothing to undo it. Without `batch_id` goods with a shelf life are
    taken from what expires first.
    """

    kind: Goods
    sku: str
    quantity: int
    batch_id: int | None = None
    value: Decimal | None = None

    @property
    def goods(self) -> int:
        """What it does to the goods on hand."""
        return EFFECT[self.kind].on_hand * self.quantity


async def post(
    session: AsyncSession,
    warehouse: str,
    postings: Sequence[Posting],
    cause: Cause,
    today: date,
) -> tuple[StockChanged, ...]:
    """Raises OutOfStock, TooMuchStock, UnknownProduct, BadDocument (goods with a shelf life without a batch)."""
    skus = {each.sku for each in postings}
    if any(each.goods > 0 or each.batch_id is not None for each in postings):
        _check_batches(postings, await prepare(session, warehouse, skus))
    else:
        await ledger.lock(session, warehouse, skus)
    ids = {each.batch_id for each in postings if each.batch_id is not None}
    known = await batches.known(session, ids)
    changed: dict[str, StockChanged] = {}
    for kind, group in _in_order(_with_blocks(postings, known)):
        changed |= await _post_kind(session, warehouse, kind, group, cause=cause, today=today)
    return tuple(changed[sku] for sku in sorted(changed))


async def prepare(
    session: AsyncSession, warehouse: str, skus: Collection[str]
) -> Mapping[str, int | None]:
    """Open and lock the balances of these products; their shelf lives. Raises UnknownProduct."""
    lives = await batches.shelf_lives(session, skus)
    await ledger.open_balances(session, warehouse, skus)
    await ledger.lock(session, warehouse, skus)
    return lives


def _check_batches(postings: Iterable[Posting], lives: Mapping[str, int | None]) -> None:
    for each in postings:
        has_life = lives[each.sku] is not None
        if each.goods > 0 and has_life and each.batch_id is None:
            raise BadDocument(f"{each.sku} has a shelf life: name the batch.", fields={"batch_no": "missing"})  # fmt: skip
        if each.batch_id is not None and not has_life:
            raise BadDocument(f"{each.sku} has no shelf life and no batches.", fields={"batch_no": "unknown"})  # fmt: skip


def _with_blocks(postings: Sequence[Posting], known: Mapping[int, Batch]) -> Iterable[Posting]:
    """And what follows from it for the blocked part of each balance."""
    blocked: Counter[str] = Counter()
    for each in postings:
        if each.batch_id is not None and known[each.batch_id].blocked:
            blocked[each.sku] += each.goods
    for sku, quantity in blocked.items():
        if quantity:
            yield Posting(Goods.BLOCK if quantity > 0 else Goods.UNBLOCK, sku, abs(quantity))
    yield from postings


def _in_order(postings: Iterable[Posting]) -> Sequence[tuple[Goods, Sequence[Posting]]]:
    """By kind: first what unblocks, then what comes in, what goes out, and what blocks."""
    groups: dict[tuple[int, Goods], list[Posting]] = {}
    for each in postings:
        blocked = EFFECT[each.kind].blocked * each.quantity
        rank = (0 if blocked < 0 else 3) if blocked else 1 if each.goods >= 0 else 2
        groups.setdefault((rank, each.kind), []).append(each)
    return [(key[1], groups[key]) for key in sorted(groups)]


async def _post_kind(
    session: AsyncSession,
    warehouse: str,
    kind: Goods,
    postings: Sequence[Posting],
    *,
    cause: Cause,
    today: date,
) -> Mapping[str, StockChanged]:
    noted = await ledger.change(session, kind, warehouse, _summed(postings), cause)
    move_ids = {each.stock.sku: each.move_id for each in noted}
    if EFFECT[kind].on_hand:
        given = [each for each in postings if each.batch_id is not None]
        await batches.change(
            session,
            [BatchChange(move_ids[p.sku], p.batch_id, p.goods) for p in given if p.batch_id is not None],
        )  # fmt: skip
        free = _summed([each for each in postings if each.batch_id is None and each.goods < 0])
        taken = {line.sku: (move_ids[line.sku], abs(line.quantity)) for line in free}
        if taken:
            await batches.take(session, warehouse, taken, today)
    return {each.stock.sku: each.stock for each in noted}


def _summed(postings: Iterable[Posting]) -> list[StockLine]:
    """One line for each product; its value is known when those of all its postings are."""
    lines: dict[str, StockLine] = {}
    for each in postings:
        before = lines.get(each.sku)
        if before is None:
            lines[each.sku] = StockLine(each.sku, each.quantity, each.value)
            continue
        both = None not in (before.value, each.value)
        value = (before.value or Decimal(0)) + (each.value or Decimal(0)) if both else None
        lines[each.sku] = replace(before, quantity=before.quantity + each.quantity, value=value)
    return [lines[sku] for sku in sorted(lines)]

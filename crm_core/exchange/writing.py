"""A batch of rows into PostgreSQL, inside the transaction that also notes how far the import is.

Rule: new customers come by COPY, all at once; one who is there is changed by the same code as by a
person's hand, with the same rules and the same trail. A bad row never spoils the rest.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.customers import cards, custom_values, service, words
from crm_core.customers.fields import CustomerFields
from crm_core.customers.insight_queue import touch
from crm_core.errors import DatabaseUnavailable, DomainError
from crm_core.exchange import matching
from crm_core.exchange.columns import ADDRESS, CONTACT
from crm_core.exchange.differences import PLAIN, differing
from crm_core.exchange.matching import Above, Known
from crm_core.exchange.records import Codes, Record, Refused
from crm_core.rights import Actor
from crm_core.search_text import search_text
from crm_core.statement import driver_of

_IDS = text(
    "SELECT nextval(pg_get_serial_sequence('customers', 'id')) FROM generate_series(1, :many)"
)
_PLAIN = ("parent_id", *PLAIN)
_ADDRESS = (*ADDRESS, "province", "city", "district")


@dataclass(slots=True)
class Outcome:
    """What became of a batch."""

    added: int = 0
    changed: int = 0
    same: int = 0
    refused: list[Refused] = field(default_factory=list)

    def refuse(self, record: Record, reason: str, *, waits: bool = False) -> None:
        self.refused.append(Refused(record.row, record.cells, (reason,), waits))


@dataclass(frozen=True, slots=True)
class _New:
    record: Record
    above: Above | None


class Writer:
    """Writes for one person, who needs the rights of every field in the file."""

    def __init__(self, actor: Actor, codes: Codes, ranks: Mapping[str, int]) -> None:
        self._actor = actor
        self._codes = codes
        self._ranks = ranks
        self._required = tuple(code for code, each in codes.custom.items() if each.required)

    async def write(self, session: AsyncSession, records: Sequence[Record]) -> Outcome:
        """The caller holds the lock of the tree.

        Raises asyncpg's UniqueViolationError when somebody enters the same customer meanwhile.
        """
        outcome = Outcome()
        for part in matching.rounds(records):
            known = await matching.matches(session, self._actor, part)
            parents = await matching.above(session, (r.parent for r in part if r.parent))
            new: list[_New] = []
            for record in part:
                found = matching.meant(record, known)
                if isinstance(found, Refused):
                    outcome.refused.append(found)
                elif found is None:
                    self._plan(record, parents, new, outcome)
                else:
                    await self._change(session, record, found, parents, outcome)
            await self._add(session, new)
            outcome.added += len(new)
        return outcome

    def _plan(
        self,
        record: Record,
        parents: Mapping[str, Above | None],
        new: list[_New],
        outcome: Outcome,
    ) -> None:
        missing = [code for code in self._required if code not in record.fields.custom]
        if not record.fields.name:
            outcome.refuse(record, "a new customer needs a name")
        elif missing:
            labels = "、".join(self._codes.custom[code].label_zh for code in missing)
            outcome.refuse(record, f"must be filled in: {labels}")
        elif record.parent is None:
            new.append(_New(record, None))
        elif (above := _found_above(record, parents, outcome)) is None:
            return
        elif above.rank > self._ranks[record.fields.level_code]:
            outcome.refuse(record, f"“{record.parent}” stands further out than this customer")
        else:
            new.append(_New(record, above))

    async def _add(self, session: AsyncSession, new: Sequence[_New]) -> None:
        if not new:
            return
        ids = [row[0] for row in await session.execute(_IDS, {"many": len(new)})]
        driver = driver_of(session)
        pairs = list(zip(ids, new, strict=True))
        tables: Mapping[str, tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]] = {
            "customers": (("id", *_PLAIN, "path", "search_text"), map(_customer, pairs)),
            "customer_phones": (("number", "customer_id", "is_main", "label"), _phones(pairs)),
            "customer_addresses": (
                ("customer_id", "is_main", *_ADDRESS, "search_text"),
                _addresses(pairs),
            ),
            "customer_contacts": (("customer_id", *CONTACT, "search_text"), _contacts(pairs)),
            "territories": (("customer_id", "province", "city"), _territories(pairs)),
            "custom_values": (
                ("customer_id", "field_id", "place", "string", "number", "day", "search_text"),
                self._custom(pairs),
            ),
        }
        for table, (columns, rows) in tables.items():
            await driver.copy_records_to_table(table, records=list(rows), columns=columns)
        entries = [
            trail.Entry(
                self._actor.user_id, "customer.import", "customer", each, after=_given(one.record)
            )
            for each, one in pairs
        ]
        await trail.record_many(session, entries)
        await touch(session, ids)

    def _custom(self, pairs: Sequence[tuple[int, _New]]) -> Iterator[tuple[Any, ...]]:
        for customer_id, new in pairs:
            stored = custom_values.judged(self._codes.custom, new.record.fields.custom)
            for field_id, values in stored.items():
                for place, each in enumerate(values):
                    yield (
                        customer_id, field_id, place, each.string, each.number, each.day, each.words,
                    )  # fmt: skip

    async def _change(
        self,
        session: AsyncSession,
        record: Record,
        known: Known,
        parents: Mapping[str, Above | None],
        outcome: Outcome,
    ) -> None:
        card = await cards.read_card(session, known.id)
        if card is None:
            outcome.refuse(record, "the customer has just been removed")
            return
        above = None
        if record.parent and (above := _found_above(record, parents, outcome)) is None:
            return
        change = differing(card, record, above, only_empty=known.merged)
        if not change:
            outcome.same += 1
            return
        try:
            async with session.begin_nested():
                wanted = CustomerFields.model_validate(change)
                await service.apply(session, self._actor, card.id, card.version, wanted)
        except DatabaseUnavailable:
            raise
        except DomainError as error:
            outcome.refuse(record, error.message)
        else:
            outcome.changed += 1


def _customer(pair: tuple[int, _New]) -> tuple[Any, ...]:
    customer_id, new = pair
    values = {name: getattr(new.record.fields, name) for name in _PLAIN}
    above = new.above
    values["parent_id"] = above.id if above else None
    path = [*above.path, above.id] if above else []
    return (customer_id, *values.values(), path, search_text(new.record.fields.name))


def _found_above(
    record: Record, parents: Mapping[str, Above | None], outcome: Outcome
) -> Above | None:
    """Who stands above, as the row names it; None when nobody or several do, and the row is refused."""
    name = record.parent or ""
    found = parents.get(name)
    if name not in parents:
        outcome.refuse(record, f"nobody above is called “{name[:40]}”", waits=True)
    elif found is None:
        outcome.refuse(record, f"several customers are called “{name[:40]}”: give the code")
    return found


def _phones(pairs: Sequence[tuple[int, _New]]) -> Iterator[tuple[Any, ...]]:
    for customer_id, new in pairs:
        labels: dict[str | None, str | None] = {}
        for each in new.record.fields.phones:
            labels.setdefault(each.number, each.label)
        for place, (number, label) in enumerate(labels.items()):
            yield number, customer_id, place == 0, label


def _addresses(pairs: Sequence[tuple[int, _New]]) -> Iterator[tuple[Any, ...]]:
    for customer_id, new in pairs:
        for place, each in enumerate(new.record.fields.addresses):
            found = words.of_address(
                each.province, each.city, each.district, each.detail, each.recipient
            )
            yield customer_id, place == 0, *(getattr(each, name) for name in _ADDRESS), found


def _contacts(pairs: Sequence[tuple[int, _New]]) -> Iterator[tuple[Any, ...]]:
    for customer_id, new in pairs:
        for each in new.record.fields.contacts:
            found = words.of_contact(each.name, each.email)
            yield customer_id, *(getattr(each, name) for name in CONTACT), found


def _territories(pairs: Sequence[tuple[int, _New]]) -> Iterator[tuple[Any, ...]]:
    for customer_id, new in pairs:
        places = dict.fromkeys((e.province, e.city) for e in new.record.fields.territories)
        for province, city in places:
            yield customer_id, province, city


def _given(record: Record) -> dict[str, object]:
    given = record.fields.model_dump(
        exclude_unset=True, exclude={"phones", "addresses", "contacts", "territories"}
    )
    return given | {
        "phones": [each.number for each in record.fields.phones],
        "row": record.row,
    }

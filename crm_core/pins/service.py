"""PINs of dealers: set by staff, chosen anew by the dealer at the keypad, tried by whoever calls.

Rule: a try is counted, and the lock set, before the PIN is looked at, so that a thousand tries at once are
refused like a thousand in turn; the right PIN clears both. Digits of a PIN stand nowhere but in its hash.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.errors import NotFound
from crm_core.people.login_limits import Allowance, count
from crm_core.people.passwords import Passwords
from crm_core.pins import alarm, finding
from crm_core.pins.errors import PinLocked, WrongPin
from crm_core.pins.rules import PinRules, check_acceptable
from crm_core.pins.tables import CustomerPin
from crm_core.rights import SYSTEM, Actor, Right

log = structlog.get_logger(__name__)

_ENTITY = "customer"
_STRANGERS = Allowance(free=10)
"""How often one telephone may try codes with PINs."""


@dataclass(frozen=True, slots=True)
class PinView:
    """`set_by` None: the dealer chose it; `locked_until` in the past is over."""

    customer_id: int
    is_set: bool
    temporary: bool = False
    set_at: datetime | None = None
    set_by: int | None = None
    locked_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Proved:
    """Who has proved to be this customer; `temporary`: with a PIN that staff gave."""

    customer_id: int
    temporary: bool


class PinService:
    """Every method may raise DatabaseUnavailable, those with an actor Forbidden and NotFound."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        rules: PinRules | None = None,
        passwords: Passwords | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords or Passwords()
        self.rules = rules or PinRules()

    async def get(self, actor: Actor, customer_id: int) -> PinView:
        actor.require(Right.CUSTOMER_TERMS)
        async with self._database.reading_entities() as session:
            seen = await must_see(session, actor, customer_id)
            found = await session.get(CustomerPin, seen)
            if found is None:
                return PinView(seen, is_set=False)
            return PinView(
                seen, True, found.temporary, found.set_at, found.set_by, found.locked_until
            )

    async def give(self, actor: Actor, customer_id: int, pin: str) -> None:
        """A PIN to begin with, also in place of one that was forgotten or is locked. Raises Invalid."""
        actor.require(Right.CUSTOMER_TERMS)
        await self._write(actor, customer_id, pin, "customer.pin_given", temporary=True)

    async def choose(self, customer_id: int, pin: str) -> None:
        """One of the dealer's own, who has proved to be the customer. Raises Invalid, NotFound."""
        await self._write(SYSTEM, customer_id, pin, "customer.pin_chosen", temporary=False)

    async def take_away(self, actor: Actor, customer_id: int) -> None:
        """Raises NotFound also when there is none."""
        actor.require(Right.CUSTOMER_TERMS)
        async with self._database.begin() as session:
            seen = await must_see(session, actor, customer_id)
            gone = await session.scalar(
                delete(CustomerPin)
                .where(CustomerPin.customer_id == seen)
                .returning(CustomerPin.customer_id)
            )
            if gone is None:
                raise NotFound("This customer has no PIN.")
            await trail.record(session, actor.user_id, "customer.pin_removed", _ENTITY, seen)

    async def has(self, customer_id: int) -> bool:
        async with self._database.reading() as connection:
            held = select(CustomerPin.customer_id).where(CustomerPin.customer_id == customer_id)
            return await connection.scalar(held) is not None

    async def prove(self, customer_id: int, pin: str, call_id: str) -> Proved:
        """That a caller knows the customer's PIN. Raises WrongPin, PinLocked."""
        now = self._clock()
        async with self._database.begin() as session:
            secret = await self._counted(session, customer_id, now)
        return await self._looked_at(customer_id, secret, pin, call_id)

    async def identify(self, typed: str, pin: str, *, number: str | None, call_id: str) -> Proved:
        """Who calls from `number`, by the digits of the customer's code, or a number of theirs, and the PIN.

        Raises WrongPin (also when there is no such customer), PinLocked, TooManyAttempts.
        """
        now = self._clock()
        async with self._database.begin() as session:
            await count(session, f"pin:{number or 'hidden'}", _STRANGERS, now)
        async with self._database.begin() as session:
            customer_id = await finding.by_keys(session, typed)
            secret = None
            if customer_id is not None:
                secret = await self._counted(session, customer_id, now)
        return await self._looked_at(customer_id, secret, pin, call_id)

    async def _counted(self, session: AsyncSession, customer_id: int, now: datetime) -> str | None:
        """The hash, once the try is counted; None where there is no PIN. Raises PinLocked."""
        held = select(CustomerPin).where(CustomerPin.customer_id == customer_id).with_for_update()
        found = (await session.execute(held)).scalar_one_or_none()
        if found is None:
            return None
        until = found.locked_until
        if until is not None and now < until <= now + self.rules.lock:
            raise PinLocked(until)
        found.failures += 1
        if found.failures >= self.rules.tries:
            found.locked_until = now + self.rules.lock
        return found.secret

    async def _looked_at(
        self, customer_id: int | None, secret: str | None, pin: str, call_id: str
    ) -> Proved:
        if not await self._passwords.matches(pin, secret) or customer_id is None:
            if customer_id is not None:
                await self._alarm_if_locked(customer_id, call_id)
            raise WrongPin
        async with self._database.begin() as session:
            temporary = await session.scalar(
                update(CustomerPin)
                .where(CustomerPin.customer_id == customer_id, CustomerPin.secret == secret)
                .values(failures=0, locked_until=None)
                .returning(CustomerPin.temporary)
            )
        if temporary is None:
            raise WrongPin
        log.info("pin_proved", customer_id=customer_id, call_id=call_id)
        return Proved(customer_id, temporary)

    async def _alarm_if_locked(self, customer_id: int, call_id: str) -> None:
        """Raises PinLocked when this was the last try."""
        now = self._clock()
        async with self._database.begin() as session:
            found = await session.get(CustomerPin, customer_id)
            until = None if found is None else found.locked_until
            if until is None or until <= now:
                return
            await alarm.raise_it(session, customer_id, until, call_id, now)
        log.warning("pin_locked", customer_id=customer_id, call_id=call_id)
        raise PinLocked(until)

    async def _write(
        self, actor: Actor, customer_id: int, pin: str, action: str, *, temporary: bool
    ) -> None:
        async with self._database.reading() as connection:
            seen = await must_see(connection, actor, customer_id)
            code = await connection.scalar(select(Customer.code).where(Customer.id == seen))
            numbers = await connection.scalars(
                select(CustomerPhone.number).where(CustomerPhone.customer_id == seen)
            )
            known = [*numbers, *([code] if code else [])]
        check_acceptable(pin, known, self.rules)
        values: dict[str, object] = {
            "secret": await self._passwords.hash(pin),
            "temporary": temporary,
            "failures": 0,
            "locked_until": None,
            "set_at": self._clock(),
            "set_by": actor.user_id,
        }
        async with self._database.begin() as session:
            await must_see(session, actor, seen)
            await session.execute(
                upsert(CustomerPin)
                .values(customer_id=seen, **values)
                .on_conflict_do_update(index_elements=["customer_id"], set_=values)
            )
            await trail.record(
                session, actor.user_id, action, _ENTITY, seen, after={"temporary": temporary}
            )
        log.info("pin_set", customer_id=seen, temporary=temporary, by=actor.user_id)

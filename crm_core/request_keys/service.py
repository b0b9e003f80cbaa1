"""A request with a key does its work once. Rule: the key is taken before the work begins and holds the answer
when it is done; a refusal gives it back, because nothing was changed. Where nobody can say how it ended, the
key says so and does nothing more: its sender looks it up.

(draft-ietf-httpapi-idempotency-key-header; a person's keys are the person's own.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from crm_core.clock import SKEW
from crm_core.db import Database
from crm_core.errors import Conflict
from crm_core.request_keys.tables import RequestKey
from crm_core.worker import Worker

KEPT_FOR = timedelta(days=2)
LONGEST_WORK = timedelta(minutes=1)
_EVERY_S = 3600.0


class SameKeyOtherRequest(Conflict):
    code = "same_key_other_request"


class RequestGoesOn(Conflict):
    code = "request_goes_on"


class OutcomeUnknown(Conflict):
    code = "outcome_unknown"


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    answer: str


class RequestKeys:
    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def take(self, user_id: int, key: str, fingerprint: str) -> Answered | None:
        """None: the work may begin; else what it was answered before.

        Raises SameKeyOtherRequest, RequestGoesOn, OutcomeUnknown.
        """
        now = self._clock()
        async with self._database.begin() as session:
            taken = await session.scalar(
                upsert(RequestKey)
                .values(user_id=user_id, key=key, fingerprint=fingerprint, at=now)
                .on_conflict_do_nothing()
                .returning(RequestKey.key)
            )
            if taken is not None:
                return None
            found = await session.scalar(select(RequestKey).where(*_named(user_id, key)))
        if found is None:
            raise RequestGoesOn("A request with this key has just been refused: send it again.")
        if found.fingerprint != fingerprint:
            raise SameKeyOtherRequest(
                "This key was used for a request of other content: use a new key."
            )
        if found.status is not None and found.answer is not None:
            return Answered(found.status, found.answer)
        if -SKEW <= now - found.at < LONGEST_WORK:
            raise RequestGoesOn("A request with this key is under way: wait and send it again.")
        raise OutcomeUnknown(
            "Nobody knows how the request with this key ended: look whether it was done, and use "
            "a new key if it was not."
        )

    async def done(self, user_id: int, key: str, answered: Answered) -> None:
        async with self._database.begin() as session:
            await session.execute(
                update(RequestKey)
                .where(*_named(user_id, key))
                .values(status=answered.status, answer=answered.answer)
            )

    async def give_back(self, user_id: int, key: str) -> None:
        """Nothing was changed: the key may be used again."""
        async with self._database.begin() as session:
            await session.execute(
                delete(RequestKey).where(*_named(user_id, key), RequestKey.status.is_(None))
            )


def _named(user_id: int, key: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return RequestKey.user_id == user_id, RequestKey.key == key


class RequestKeyPurge(Worker):
    """Forgets keys, and the answers with them, after two days."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        super().__init__("request-key-purge", every_s=_EVERY_S)
        self._database = database
        self._clock = clock

    async def run_once(self) -> int:
        """How many went. Raises DatabaseUnavailable."""
        async with self._database.begin() as session:
            gone = await session.scalars(
                delete(RequestKey)
                .where(RequestKey.at < self._clock() - KEPT_FOR)
                .returning(RequestKey.key)
            )
            return len(gone.all())

"""Calls that say or fax a message: by the rules of dialling, in the ledger, told only when somebody heard it."""

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, text

from crm_core.faxes.tables import Fax
from crm_core.outbox.ports import MaybeSent, NotNow, NotSent
from dialer.do_not_call.tables import DoNotCall
from dialer.law import Law
from dialer.message_calls import ANNOUNCEMENT, FAX, MessageCalls
from dialer.ports import Answered, FateUnknown, NotAnswered
from dialer.store import DialerStore
from dialer.tables import Attempt
from tests.dialer.lists import forbid

TEN = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
NIGHT = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)  # midnight
NUMBER = "02223456789"


@dataclass
class Session:
    """The answered channel: presses these keys, then hangs up."""

    env: Any
    keys: list[str | None]
    heard_by_amd: tuple[str, str] = ("HUMAN", "HUMAN-800-800")
    said: list[str] = field(default_factory=list)

    async def exec(self, app: str, *args: str) -> int:
        self.said.append(app)
        return 0

    async def get_variable(self, name: str) -> str | None:
        return dict(zip(("AMDSTATUS", "AMDCAUSE"), self.heard_by_amd, strict=True))[name]

    async def stream_file(self, path: str, escape_digits: str = "") -> str | None:
        words = Path(f"{path}.wav").read_text()
        self.said.append(words)
        if not escape_digits or "请按" not in words:
            return None
        if not self.keys:
            raise asyncio.CancelledError
        return self.keys.pop(0)

    async def wait_for_digit(self, timeout_s: float) -> str | None:
        return None

    async def hangup(self) -> None:
        return None


class Trunk:
    """Answers with a fate; an answered call enters the daemon with `query` and presses `keys`."""

    def __init__(self) -> None:
        self.fate: object = Answered(TEN)
        self.keys: list[str | None] = []
        self.query: dict[str, str] = {}
        self.heard_by_amd = ("HUMAN", "HUMAN-800-800")
        self.said: list[str] = []
        self.placed: list[tuple[str, str]] = []
        self.calls: MessageCalls | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def place(self, call_id, number, *, context, variables):
        self.placed.append((number, context))
        if isinstance(self.fate, Answered):
            assert self.calls is not None
            script = FAX if context == "zongji-fax" else ANNOUNCEMENT
            env = SimpleNamespace(script=script, query={"call": call_id, **self.query})
            session = Session(env, self.keys, self.heard_by_amd, self.said)
            self._tasks.append(asyncio.create_task(self.calls.enter(session)))
        return self.fate


@pytest.fixture
async def trunk() -> Trunk:
    return Trunk()


@pytest.fixture
async def calls(database, trunk: Trunk, tmp_path) -> MessageCalls:
    async with database.begin() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text("DELETE FROM attempts"))
        await session.execute(text("DELETE FROM do_not_call"))
    made = MessageCalls(
        DialerStore(database),
        trunk,
        speak=lambda said, language, target: target.write_text(f"{language} {said}"),
        folder=tmp_path,
        clock=lambda: TEN,
    )
    trunk.calls = made
    return made


async def say(calls: MessageCalls) -> str:
    return await calls.say(uuid.uuid4().hex, NUMBER, "您的订单已发货。", "zh")


async def ledger(database) -> list[str | None]:
    async with database.reading() as connection:
        return list(await connection.scalars(select(Attempt.result).order_by(Attempt.at)))


async def test_who_presses_1_has_been_told(calls, trunk, database, tmp_path):
    trunk.keys = [None, "2", "1"]
    assert await say(calls) == "confirmed"
    assert await ledger(database) == ["reached"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cause", ["LONGGREETING-1520-1500", "MAXWORDS-3-2"])
async def test_with_a_machine_it_is_left_once_greeting_and_beep_are_over(
    calls, trunk, database, cause
):
    trunk.heard_by_amd = ("MACHINE", cause)
    assert await say(calls) == "left"
    assert trunk.said == ["AMD", "WaitForSilence", "zh 您的订单已发货。"]
    assert await ledger(database) == ["machine"]


@pytest.mark.parametrize(
    "heard", [("MACHINE", "INITIALSILENCE-1500-1500"), ("NOTSURE", "TOOLONG-5000"), ("HANGUP", "")]
)
async def test_who_is_silent_or_may_be_a_person_is_taken_for_one(calls, trunk, database, heard):
    trunk.heard_by_amd, trunk.keys = heard, ["1"]
    assert await say(calls) == "confirmed"
    assert await ledger(database) == ["reached"]


@pytest.mark.parametrize(("keys", "why"), [([None, None, None], "heard"), ([], "hung_up")])
async def test_somebody_who_presses_nothing_or_hangs_up_has_not(calls, trunk, database, keys, why):
    trunk.keys = keys
    with pytest.raises(NotSent, match=why) as refused:
        await say(calls)
    assert not refused.value.permanent
    assert await ledger(database) == ["abandoned"]


async def test_a_message_that_somebody_waits_for_offers_no_key_against_it(calls, trunk, database):
    trunk.keys = ["9", "9", "9"]
    with pytest.raises(NotSent, match="heard"):
        await say(calls)
    async with database.reading() as connection:
        assert await connection.scalar(select(DoNotCall.number)) is None


async def test_where_no_key_is_asked_for_hearing_it_to_the_end_is_enough(calls, trunk):
    calls._needs_key = False
    trunk.keys = [None]
    assert await say(calls) == "heard"


@pytest.mark.parametrize(
    ("cause", "raised", "permanent", "result"),
    [
        (17, NotSent, False, "busy"),
        (19, NotSent, False, "no_answer"),
        (1, NotSent, True, "invalid_number"),
        (21, NotSent, True, "rejected"),
        (34, NotNow, None, "congestion"),
    ],
)
async def test_who_does_not_answer_is_called_again_by_the_diallers_rules(
    calls, trunk, database, *, cause, raised, permanent, result
):
    trunk.fate = NotAnswered(cause, None)
    with pytest.raises(raised) as refused:
        await say(calls)
    assert getattr(refused.value, "permanent", None) is permanent
    assert await ledger(database) == [result]


async def test_a_call_whose_fate_nobody_knows_may_have_told(calls, trunk, database):
    trunk.fate = FateUnknown()
    with pytest.raises(MaybeSent):
        await say(calls)
    assert await ledger(database) == ["unknown"]


async def test_at_night_nobody_is_called_and_the_message_waits_for_the_morning(calls, trunk):
    calls._clock = lambda: NIGHT
    with pytest.raises(NotNow, match="outside_hours") as refused:
        await say(calls)
    assert (refused.value.everybody, refused.value.wait) == (False, timedelta(hours=8))
    assert trunk.placed == []


async def test_a_number_on_the_do_not_call_list_is_never_called(calls, trunk, database):
    await forbid(database, NUMBER)
    with pytest.raises(NotSent, match="do_not_call") as refused:
        await say(calls)
    assert refused.value.permanent
    assert trunk.placed == []


async def test_after_three_calls_a_day_the_number_is_left_alone(calls, trunk):
    trunk.fate = NotAnswered(17, None)
    for _ in range(3):
        with pytest.raises(NotSent):
            await say(calls)
    with pytest.raises(NotNow, match="attempts_used_up"):
        await say(calls)
    assert len(trunk.placed) == 3


async def test_what_an_earlier_daemon_left_open_is_closed(calls, database):
    store = DialerStore(database)
    await store.begin_message_attempt("c" * 32, "t", NUMBER, Law(), TEN, said=True)
    assert await store.open_attempts() == []
    await calls.start()
    assert await ledger(database) == ["unknown"]


async def test_a_fax_is_sent_when_the_machine_took_it(calls, trunk, tmp_path, database):
    trunk.query = {"status": "SUCCESS", "error": ""}
    assert await calls.fax("t", NUMBER, tmp_path / "t.tif") == "faxed"
    trunk.query = {"status": "FAILED", "error": "The call dropped prematurely"}
    with pytest.raises(NotSent, match="dropped"):
        await calls.fax("t", NUMBER, tmp_path / "t.tif")
    assert await ledger(database) == ["reached", "abandoned"]


async def test_of_a_fax_it_stands_how_it_went(calls, trunk, tmp_path, database):
    token = uuid.uuid4().hex
    trunk.query = {
        "status": "SUCCESS",
        "mode": "T38",
        "pages": "3",
        "rate": "14400",
        "station": "X",
    }
    await calls.fax(token, NUMBER, tmp_path / "t.tif")
    await asyncio.gather(*trunk._tasks)
    async with database.begin() as session:
        (row,) = (await session.scalars(select(Fax).where(Fax.message_token == token))).all()
    assert (row.direction, row.number, row.status, row.mode) == ("out", NUMBER, "sent", "T38")
    assert (row.pages, row.rate, row.station, row.path) == (3, 14400, "X", None)

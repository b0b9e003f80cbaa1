"""A house with dealers to tell things to."""

from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text, update

from crm_core.customers.fields import NewCustomer
from crm_core.customers.service import CustomerService
from crm_core.db import Database
from crm_core.notices.commands import NewNotice, Send
from crm_core.notices.sending import NoticeSender
from crm_core.notices.service import NoticeService
from crm_core.notices.views import NoticeView
from crm_core.outbox.tables import OutboxMessage
from crm_core.rights import SYSTEM
from crm_core.todos.service import TodoService
from dialer.notice_source import never_called
from tests.crm_core.crm_core_support import Clock
from tests.crm_core.crm_office import Office, furnish

ALL = ({"field": "name", "op": "contains", "value": "经销"},)


class NoticeHouse:
    def __init__(self, office: Office, database: Database, clock: Clock) -> None:
        self.office = office
        self.database = database
        self.clock = clock
        self.notices = NoticeService(
            database,
            clock=clock,
            zone=ZoneInfo("Asia/Shanghai"),
            channels=("email", "sms", "voice", "wecom_group"),
            never_called=never_called,
        )
        self.todos = TodoService(database, clock=clock)
        self.sender = NoticeSender(database, clock=clock, batch=2, never_called=never_called)

    async def dealer(self, name: str, **more: object) -> int:
        new = NewCustomer.model_validate({"name": f"{name}经销部", "level_code": "city"} | more)
        return (await CustomerService(self.database).create(SYSTEM, new)).id

    async def sent(self, **more: object) -> NoticeView:
        wanted = {"title": "涨价通知", "body": "下月起每箱涨价五元。", "conditions": ALL} | more
        made = await self.notices.create(self.office.zhao, NewNotice.model_validate(wanted))
        sent = await self.notices.send(self.office.zhao, made.id, Send(version=made.version))
        while await self.sender.run_once():
            pass
        return await self.notices.get(self.office.zhao, sent.id)

    async def messages(self, notice_id: int) -> list[tuple[str, str, str]]:
        """(channel, recipient, body) of every message, in order."""
        async with self.database.reading() as connection:
            rows = await connection.execute(
                select(OutboxMessage.channel, OutboxMessage.recipient, OutboxMessage.params["body"])
                .where(OutboxMessage.subject == "notice", OutboxMessage.subject_id == notice_id)
                .order_by(OutboxMessage.channel, OutboxMessage.recipient)
            )
            return [tuple(row) for row in rows]

    async def deliver(
        self,
        notice_id: int,
        channel: str,
        state: str,
        *,
        to: str = "",
        reference: str | None = None,
    ) -> None:
        """What became of the messages of a channel, or of the one `to` an address."""
        whom = OutboxMessage.recipient.startswith(to)
        async with self.database.begin() as session:
            await session.execute(
                update(OutboxMessage)
                .where(
                    OutboxMessage.subject_id == notice_id, OutboxMessage.channel == channel, whom
                )
                .values(state=state, reference=reference)
            )


@pytest.fixture
async def house(database: Database) -> NoticeHouse:
    office = await furnish(database)
    async with database.begin() as session:
        await session.execute(
            text("UPDATE customers SET search_text = '' WHERE name LIKE '%经销%'")
        )
    return NoticeHouse(office, database, Clock())

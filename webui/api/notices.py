"""Notices: written, sent, counted by channel, and told to those who call.

Rule: who may look at a customer may note that the customer was told; all else is for those who send.
"""

from datetime import date, datetime

from crm_core.customers.criteria import Condition
from crm_core.notices.commands import (
    NewNotice,
    NoticeEdit,
    NoticeQuery,
    NoticeStep,
    RecipientQuery,
    Send,
    Told,
)
from crm_core.notices.service import NoticeService
from crm_core.notices.views import NoticeView
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedNotice(NewNotice, Model):
    """A notice to write."""


class WantedNoticeEdit(NoticeEdit, Model):
    """Only what is given is changed."""


class WantedNoticeStep(NoticeStep, Model):
    """The notice as it was looked at."""


class WantedNoticeSend(Send, Model):
    """The notice as it was looked at, and when it is to go."""


class WantedNoticeTold(Told, Model):
    """Who has been told."""


class NoticeSearch(NoticeQuery, Model):
    """Which notices to list."""


class NoticeRecipientSearch(RecipientQuery, Model):
    """Which recipients to list."""


class NoticeItem(View):
    id: int
    title: str
    body: str
    channels: tuple[str, ...]
    conditions: tuple[Condition, ...]
    expires_on: date | None
    state: str
    version: int
    created_by: int | None
    created_at: datetime
    send_at: datetime | None
    sent_by: int | None
    sent_at: datetime | None


class NoticeAnswer(View):
    notice: NoticeItem


class NoticeList(View):
    items: tuple[NoticeItem, ...]


class NoticeAudienceView(View):
    customers: int
    reached: dict[str, int]


class NoticeChannelView(View):
    channel: str
    waiting: int
    sent: int
    confirmed: int
    left: int
    failed: int
    unknown: int


class NoticeLevelView(View):
    level_code: str | None
    recipients: int
    prepared: int
    told: int
    unreached: int

    def own_fields(self) -> frozenset[str]:
        return frozenset({"customer.level_code"})


class NoticeCountsView(View):
    recipients: int
    prepared: int
    told: int
    unreached: int
    levels: tuple[NoticeLevelView, ...]
    channels: tuple[NoticeChannelView, ...]


class NoticeRecipientItem(View):
    id: int
    customer_id: int
    customer_name: str
    ways: int | None
    told_at: datetime | None
    told_by_name: str | None
    outcomes: dict[str, str]


class NoticeRecipientList(View):
    items: tuple[NoticeRecipientItem, ...]


async def search(asked: Asked[Nothing, NoticeSearch]) -> NoticeList:
    """Notices, the newest first."""
    found = await _service(asked).listed(asked.principal, asked.query)
    return NoticeList(items=tuple(map(NoticeItem.model_validate, found)))


async def show(asked: Asked[Nothing, Nothing]) -> NoticeAnswer:
    """One notice."""
    return _answer(await _service(asked).get(asked.principal, int(asked.id)))


async def create(asked: Asked[WantedNotice, Nothing]) -> NoticeAnswer:
    """Write a draft; to whom it goes is said as in a customer search."""
    return _answer(await _service(asked).create(asked.principal, asked.body))


async def edit(asked: Asked[WantedNoticeEdit, Nothing]) -> NoticeAnswer:
    """Change a draft."""
    return _answer(await _service(asked).edit(asked.principal, int(asked.id), asked.body))


async def audience(asked: Asked[Nothing, Nothing]) -> NoticeAudienceView:
    """How many customers it would go to now, and how many each channel reaches."""
    found = await _service(asked).audience(asked.principal, int(asked.id))
    return NoticeAudienceView.model_validate(found)


async def send(asked: Asked[WantedNoticeSend, Nothing]) -> NoticeAnswer:
    """Send a draft to everybody who fits now, or at `send_at` to everybody who fits then."""
    return _answer(await _service(asked).send(asked.principal, int(asked.id), asked.body))


async def cancel(asked: Asked[WantedNoticeStep, Nothing]) -> NoticeAnswer:
    """Have it not sent, or stop it where it is being sent."""
    return _answer(await _service(asked).cancel(asked.principal, int(asked.id), asked.body))


async def counts(asked: Asked[Nothing, Nothing]) -> NoticeCountsView:
    """What became of it, by channel and by the level of the customers."""
    found = await _service(asked).counts(asked.principal, int(asked.id))
    return NoticeCountsView.model_validate(found)


async def recipients(asked: Asked[Nothing, NoticeRecipientSearch]) -> NoticeRecipientList:
    """Who got it, and how; or whom nothing reached."""
    found = await _service(asked).recipients(asked.principal, int(asked.id), asked.query)
    return NoticeRecipientList(items=tuple(map(NoticeRecipientItem.model_validate, found)))


async def told(asked: Asked[WantedNoticeTold, Nothing]) -> None:
    """The customer has been told; the pop does not show it any more."""
    await _service(asked).told(asked.principal, int(asked.id), asked.body)
    asked.door.live.customer_changed(asked.body.customer_id)


def _service(asked: Asked[Model, Model]) -> NoticeService:
    return asked.services.crm.notices


def _answer(notice: NoticeView) -> NoticeAnswer:
    return NoticeAnswer(notice=NoticeItem.model_validate(notice))


_SEND = needs(Right.NOTICE_SEND)
_ONE = f"/api/notices/{NUMBER}"

ROUTES = (
    Route("GET", "/api/notices", search, _SEND, query=NoticeSearch, answer=NoticeList),
    Route(
        "POST",
        "/api/notices",
        create,
        _SEND,
        WantedNotice,
        answer=NoticeAnswer,
        status=201,
        once=True,
    ),
    Route("GET", _ONE, show, _SEND, answer=NoticeAnswer),
    Route("PATCH", _ONE, edit, _SEND, WantedNoticeEdit, answer=NoticeAnswer),
    Route("GET", f"{_ONE}/audience", audience, _SEND, answer=NoticeAudienceView),
    Route("POST", f"{_ONE}/send", send, _SEND, WantedNoticeSend, answer=NoticeAnswer),
    Route("POST", f"{_ONE}/cancel", cancel, _SEND, WantedNoticeStep, answer=NoticeAnswer),
    Route("GET", f"{_ONE}/counts", counts, _SEND, answer=NoticeCountsView),
    Route(
        "GET",
        f"{_ONE}/recipients",
        recipients,
        _SEND,
        query=NoticeRecipientSearch,
        answer=NoticeRecipientList,
    ),
    Route(
        "POST",
        f"{_ONE}/told",
        told,
        needs(Right.CUSTOMER_VIEW),
        WantedNoticeTold,
        status=204,
    ),
)

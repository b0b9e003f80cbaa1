"""Messages to customers: what became of them, sent again, given up; and the words they say."""

from datetime import datetime

from crm_core.messages.commands import (
    Choice,
    GiveUp,
    MessageQuery,
    MessageStep,
    NewTemplate,
    Preview,
    ResendMany,
)
from crm_core.messages.service import MessageService
from crm_core.messages.templates import TemplateService
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import CODE, NUMBER, Route, needs
from webui.views import View


class MessageSearch(MessageQuery, Model):
    """Which messages to list."""


class WantedMessageStep(MessageStep, Model):
    """The message as it was looked at."""


class WantedGiveUp(GiveUp, Model):
    """The message as it was looked at, and why nobody is to send it."""


class WantedResend(ResendMany, Model):
    """Which messages are to be sent again."""


class WantedTemplate(NewTemplate, Model):
    """Words of the business's own."""


class WantedMessageChoice(Choice, Model):
    """Whether customers are told of this kind."""


class WantedPreview(Preview, Model):
    """Words to try."""


class MessageItemView(View):
    """`unknown`: nobody can say whether it went out."""

    id: int
    state: str
    channel: str
    kind: str
    subject: str
    subject_id: int
    customer_id: int
    customer_name: str
    recipient: str
    language: str
    attempts: int
    reason: str | None
    reference: str | None
    created_at: datetime
    next_at: datetime | None
    sent_at: datetime | None


class MessageList(View):
    items: tuple[MessageItemView, ...]


class MessageAnswer(View):
    message: MessageItemView


class MessageDetailView(View):
    """`title` and `text` are what it says; an SMS's words are the provider's."""

    message: MessageItemView
    title: str | None
    text: str | None


class ChannelStateView(View):
    channel: str
    pending: int
    failed: int
    unknown: int
    oldest_pending_at: datetime | None


class MessageSummaryView(View):
    channels: tuple[ChannelStateView, ...]


class ResentView(View):
    count: int


class TemplateItem(View):
    """Without `id` these are the shipped words."""

    kind: str
    language: str
    channel: str | None
    subject: str
    body: str
    id: int | None
    version: int | None


class ChoiceItem(View):
    kind: str
    told: bool
    version: int | None


class ChoiceList(View):
    items: tuple[ChoiceItem, ...]


class MessageChoiceAnswer(View):
    choice: ChoiceItem


class TemplateKindView(View):
    kind: str
    placeholders: tuple[str, ...]
    optional: tuple[str, ...]
    words: tuple[TemplateItem, ...]


class TemplateList(View):
    items: tuple[TemplateKindView, ...]


class TemplateAnswer(View):
    template: TemplateItem


class PreviewView(View):
    subject: str
    body: str


async def search(asked: Asked[Nothing, MessageSearch]) -> MessageList:
    """Messages, the newest first."""
    found = await _messages(asked).search(asked.principal, asked.query)
    return MessageList(items=tuple(map(MessageItemView.model_validate, found)))


async def summary(asked: Asked[Nothing, Nothing]) -> MessageSummaryView:
    """What waits, for a provider or for a person, by channel."""
    found = await _messages(asked).summary(asked.principal)
    return MessageSummaryView(channels=tuple(map(ChannelStateView.model_validate, found)))


async def show(asked: Asked[Nothing, Nothing]) -> MessageDetailView:
    """One message with what it says."""
    found = await _messages(asked).get(asked.principal, int(asked.id))
    return MessageDetailView.model_validate(found)


async def send_again(asked: Asked[WantedMessageStep, Nothing]) -> MessageAnswer:
    """Send a message again, to the customer's address of today."""
    found = await _messages(asked).send_again(asked.principal, int(asked.id), asked.body)
    return MessageAnswer(message=MessageItemView.model_validate(found))


async def send_many_again(asked: Asked[WantedResend, Nothing]) -> ResentView:
    """Send all that fit again; those of unknown fate only when they are asked for."""
    count = await _messages(asked).send_many_again(asked.principal, asked.body)
    return ResentView(count=count)


async def give_up(asked: Asked[WantedGiveUp, Nothing]) -> MessageAnswer:
    """Nobody is to send this message any more."""
    found = await _messages(asked).give_up(asked.principal, int(asked.id), asked.body)
    return MessageAnswer(message=MessageItemView.model_validate(found))


async def templates(asked: Asked[Nothing, Nothing]) -> TemplateList:
    """The words of every kind of message."""
    found = await _templates(asked).listed(asked.principal)
    return TemplateList(items=tuple(map(TemplateKindView.model_validate, found)))


async def put_template(asked: Asked[WantedTemplate, Nothing]) -> TemplateAnswer:
    """Say it in the business's own words."""
    made = await _templates(asked).put(asked.principal, asked.body)
    return TemplateAnswer(template=TemplateItem.model_validate(made))


async def preview_template(asked: Asked[WantedPreview, Nothing]) -> PreviewView:
    """How words would read; nothing is kept."""
    return PreviewView.model_validate(await _templates(asked).preview(asked.principal, asked.body))


async def remove_template(asked: Asked[Nothing, Nothing]) -> None:
    """Back to the shipped words."""
    await _templates(asked).remove(asked.principal, int(asked.id))


async def choices(asked: Asked[Nothing, Nothing]) -> ChoiceList:
    """Of which kinds of messages customers are told, of those that may be switched off."""
    found = await _templates(asked).choices(asked.principal)
    return ChoiceList(items=tuple(map(ChoiceItem.model_validate, found)))


async def choose(asked: Asked[WantedMessageChoice, Nothing]) -> MessageChoiceAnswer:
    """Switch a kind of message on or off: what is off is not written from now on."""
    made = await _templates(asked).choose(asked.principal, asked.id, asked.body)
    return MessageChoiceAnswer(choice=ChoiceItem.model_validate(made))


def _messages(asked: Asked[Model, Model]) -> MessageService:
    return asked.services.crm.messages


def _templates(asked: Asked[Model, Model]) -> TemplateService:
    return asked.services.crm.templates


_MANAGE = needs(Right.MESSAGE_MANAGE)
_ONE = f"/api/messages/{NUMBER}"
_TEMPLATES = "/api/message-templates"

ROUTES = (
    Route("GET", "/api/messages", search, _MANAGE, query=MessageSearch, answer=MessageList),
    Route("GET", "/api/messages/summary", summary, _MANAGE, answer=MessageSummaryView),
    Route(
        "POST",
        "/api/messages/send-again",
        send_many_again,
        _MANAGE,
        WantedResend,
        answer=ResentView,
    ),
    Route("GET", _ONE, show, _MANAGE, answer=MessageDetailView),
    Route(
        "POST", f"{_ONE}/send-again", send_again, _MANAGE, WantedMessageStep, answer=MessageAnswer
    ),
    Route("POST", f"{_ONE}/give-up", give_up, _MANAGE, WantedGiveUp, answer=MessageAnswer),
    Route("GET", _TEMPLATES, templates, _MANAGE, answer=TemplateList),
    Route("PUT", _TEMPLATES, put_template, _MANAGE, WantedTemplate, answer=TemplateAnswer),
    Route(
        "POST",
        f"{_TEMPLATES}/preview",
        preview_template,
        _MANAGE,
        WantedPreview,
        answer=PreviewView,
    ),
    Route("GET", "/api/message-choices", choices, _MANAGE, answer=ChoiceList),
    Route(
        "PUT",
        f"/api/message-choices/{CODE}",
        choose,
        _MANAGE,
        WantedMessageChoice,
        answer=MessageChoiceAnswer,
    ),
    Route("DELETE", f"{_TEMPLATES}/{NUMBER}", remove_template, _MANAGE, status=204),
)

"""The words of messages, as a business changes them: shown, tried, replaced, and put back; and which are sent at all.

Rule: words are kept only when every message of their kind can fill them; what is shipped is never changed,
only covered.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import Update, delete, select, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.messages.commands import Choice, NewTemplate, Preview, TemplateWords
from crm_core.messages.views import ChoiceView, Previewed, TemplateKind, TemplateView
from crm_core.outbox.tables import MessageChoice, MessageTemplate
from crm_core.outbox.wording import (
    ALL_CHANNELS,
    OPTIONAL,
    BadTemplate,
    WordBook,
    Wording,
    check,
    filled,
)
from crm_core.rights import Actor, Right

ENTITY = "message_template"
CHOICE = "message_choice"
_EXAMPLES: Mapping[str, str] = {
    "number": "260302-000001",
    "total": "128.00",
    "courier": "EMS",
    "waybill": "1234567890123",
    "link": "https://shop.example/p/1",
    "date": "2026-03-02",
}


class TemplateService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(
        self, database: Database, book: WordBook, *, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._book = book
        self._clock = clock

    async def listed(self, actor: Actor) -> tuple[TemplateKind, ...]:
        """Every kind of message with its words: the own ones, and the shipped ones that none covers."""
        actor.require(Right.MESSAGE_MANAGE)
        async with self._database.reading_entities() as session:
            own = [_view(row) for row in await session.scalars(select(MessageTemplate))]
        return tuple(self._kind(kind, own) for kind in sorted(self._kinds()))

    async def choices(self, actor: Actor) -> tuple[ChoiceView, ...]:
        """Every kind that is switched on and off, as it is now."""
        actor.require(Right.MESSAGE_MANAGE)
        async with self._database.reading_entities() as session:
            chosen = {
                row.kind: ChoiceView(row.kind, row.told, row.version)
                for row in await session.scalars(select(MessageChoice))
            }
        return tuple(
            chosen.get(kind, ChoiceView(kind, told, None))
            for kind, told in sorted(self._told.items())
        )

    async def choose(self, actor: Actor, kind: str, choice: Choice) -> ChoiceView:
        """Whether customers are told of it from now on. Raises Invalid (kind), Conflict (changed since)."""
        actor.require(Right.MESSAGE_MANAGE)
        if kind not in self._told:
            raise Invalid(f"Messages of the kind {kind} are always sent.", fields={"kind": "fixed"})
        values = {"told": choice.told, "changed_at": self._clock(), "changed_by": actor.user_id}
        made: Insert | Update = (
            insert(MessageChoice).values(kind=kind, **values).on_conflict_do_nothing()
            if choice.version is None
            else update(MessageChoice)
            .where(MessageChoice.kind == kind, MessageChoice.version == choice.version)
            .values(**values, version=choice.version + 1)
        )
        async with self._database.begin() as session:
            version = await session.scalar(made.returning(MessageChoice.version))
            if version is None:
                raise Conflict("Somebody else has chosen since you looked: look again.")
            after = {"told": choice.told}
            await trail.record(session, actor.user_id, f"{CHOICE}.set", CHOICE, kind, after=after)
        return ChoiceView(kind, choice.told, version)

    async def put(self, actor: Actor, new: NewTemplate) -> TemplateView:
        """Raises Invalid (kind, placeholder), Conflict (changed since)."""
        actor.require(Right.MESSAGE_MANAGE)
        self._check(new)
        try:
            async with self._database.begin() as session:
                return await self._put(session, actor, new)
        except IntegrityError as error:
            raise Conflict("Somebody wrote these words at the same time: look again.") from error

    async def remove(self, actor: Actor, template_id: int) -> None:
        """The shipped words hold again. Raises NotFound."""
        actor.require(Right.MESSAGE_MANAGE)
        async with self._database.begin() as session:
            gone = await session.scalar(
                delete(MessageTemplate)
                .where(MessageTemplate.id == template_id)
                .returning(MessageTemplate)
            )
            if gone is None:
                raise NotFound(f"There are no own words {template_id}.")
            before = {"kind": gone.kind, "language": gone.language, "channel": gone.channel}
            before |= {"subject": gone.subject, "body": gone.body}
            await trail.record(
                session, actor.user_id, f"{ENTITY}.remove", ENTITY, template_id, before=before
            )

    async def preview(self, actor: Actor, wanted: Preview) -> Previewed:
        """Raises Invalid (kind, placeholder)."""
        actor.require(Right.MESSAGE_MANAGE)
        words = self._check(wanted)
        names = self._book.shipped.placeholders(wanted.kind)
        examples = {name: _EXAMPLES.get(name, f"‹{name}›") for name in names}
        given = {**examples, "company": self._book.company, **wanted.params}
        shown = filled(words, given)
        return Previewed(shown.subject, shown.body)

    async def _put(self, session: AsyncSession, actor: Actor, new: NewTemplate) -> TemplateView:
        place = {"kind": new.kind, "language": new.language, "channel": new.channel or ALL_CHANNELS}
        words = {"subject": new.subject, "body": new.body}
        held = await session.scalar(select(MessageTemplate).filter_by(**place).with_for_update())
        if (held.version if held else None) != new.version:
            raise Conflict(
                "These words were changed since you looked at them: look again.",
                fields={"version": held.version if held else None},
            )
        before = {"subject": held.subject, "body": held.body} if held else None
        made = held or MessageTemplate(**place, version=0)
        made.subject, made.body, made.version = new.subject, new.body, made.version + 1
        made.changed_at, made.changed_by = self._clock(), actor.user_id
        session.add(made)
        await session.flush()
        view = _view(made)
        after = {**place, **words}
        await trail.record(
            session, actor.user_id, f"{ENTITY}.put", ENTITY, made.id, before=before, after=after
        )
        return view

    @property
    def _told(self) -> Mapping[str, bool]:
        return self._book.shipped.told

    def _kinds(self) -> set[str]:
        return {*self._book.shipped.zh, *self._book.shipped.en}

    def _check(self, given: TemplateWords) -> Wording:
        if given.kind not in self._kinds():
            raise Invalid(
                f"There are no messages of the kind {given.kind}.", fields={"kind": "unknown"}
            )
        words = Wording(given.subject, given.body)
        try:
            check(words, self._book.shipped.placeholders(given.kind))
        except BadTemplate as error:
            raise Invalid(
                f"The words cannot be filled in: {error}", fields={"body": "placeholder"}
            ) from error
        return words

    def _kind(self, kind: str, own: list[TemplateView]) -> TemplateKind:
        mine = [each for each in own if each.kind == kind]
        covered = {each.language for each in mine if each.channel is None}
        shipped = (("zh", self._book.shipped.zh), ("en", self._book.shipped.en))
        words = [
            TemplateView(kind, language, None, texts[kind].subject, texts[kind].body, None, None)
            for language, texts in shipped
            if kind in texts and language not in covered
        ]
        names = self._book.shipped.placeholders(kind)
        every = tuple(sorted((*words, *mine), key=lambda each: (each.language, each.channel or "")))
        return TemplateKind(kind, tuple(sorted(names)), tuple(sorted(names & OPTIONAL)), every)


def _view(row: MessageTemplate) -> TemplateView:
    channel = row.channel or None
    return TemplateView(row.kind, row.language, channel, row.subject, row.body, row.id, row.version)

"""A caller in the menus, key by key, with what keys lead to: services, messages, call-backs, extensions."""

from functools import partial
from typing import Final

from acd.events import CallOutcome
from ivr import way
from ivr.calling_back import ask_for_callback
from ivr.capacity import place_in
from ivr.menu import prompt_of
from ivr.reception import recognise
from ivr.said import KEYS
from ivr.self_service.counter import Counter, Visitor
from ivr.self_service.keypad import Keypad
from ivr.self_service.services import serve
from ivr.under_way import UnderWay
from ivr.voicemail import Voicemail
from ivr.walker import (
    Chosen,
    Decision,
    Dial,
    HangUp,
    Leave,
    Play,
    Serve,
    begin,
    dialled,
    is_typed,
    press,
    served,
    to_operator,
)

_CALLBACK: Final = "callback_requested"


class Walking:
    """One caller's walk. `outcome` is what the record says if the call ended now."""

    def __init__(self, call: UnderWay) -> None:
        self._call = call
        self._visitor = Visitor(call.number, None)
        self._voicemail: Voicemail | None = None
        self._outcome: CallOutcome = "left_in_menu"

    @property
    def outcome(self) -> CallOutcome:
        return self._voicemail.outcome if self._voicemail is not None else self._outcome

    async def to_the_end(self) -> Chosen | HangUp:
        """Where the number called leads, key by key, until the caller has chosen or was told good-bye."""
        call, did = self._call, self._call.did
        if did is None:
            return Chosen(None, (), call.language)
        decision: Decision = begin(did, call.language, call.moment())
        if not isinstance(decision, Chosen | HangUp):
            async with place_in(call.house.capacity.at(call.record.row.node).words):
                decision = await self._walk(decision, did.medium)
        await call.tell(decision.prompts, decision.language)
        if isinstance(decision, HangUp) and self._outcome != _CALLBACK:
            self._outcome = "announced"
        return decision

    async def _walk(self, decision: Decision, medium: str) -> Chosen | HangUp:
        call = self._call
        if isinstance(decision, Play):
            await call.session.answer()
            call.session.keep_keys(on=True)
            call.record.step("menu_answered", menu=decision.walk.menu)
        while not isinstance(decision, Chosen | HangUp):
            call.language = decision.walk.language
            decision = await self._next(decision, medium)
        call.session.keep_keys(on=False)
        return decision

    async def _next(self, decision: Play | Serve | Dial | Leave, medium: str) -> Decision:
        call, walk = self._call, decision.walk
        if isinstance(decision, Leave):
            return await self._leave(decision)
        if isinstance(decision, Serve):
            await self._serve(decision, medium)
            return served(walk)
        if isinstance(decision, Dial):
            typed = await self._digits(decision)
            operator = to_operator(call.line.menus, walk, typed)
            if operator is not None:
                return operator
            extension = typed.rstrip("#")
            there = way.dialled(call.line.plan, call.house.acd.at_extension, extension)
            return dialled(call.line.menus, walk, extension, there=there is not None)
        call.record.heard_menu(walk.menu, walk.path)
        key = await self._listen(decision)
        self._note(walk.menu, key)
        return press(call.line.menus, walk, key, call.moment())

    async def _leave(self, wanted: Leave) -> Play | HangUp:
        """A message or a call-back, as the keys ask; when there can be none, the menu goes on."""
        call, path, language = self._call, wanted.chosen.path, wanted.chosen.language
        await call.tell(wanted.chosen.prompts, language)
        chosen = await way.way_of(call, wanted.chosen)
        call.record.routed(chosen, path)
        row, queue = call.record.row, wanted.queue or chosen.queue
        if wanted.kind == "voicemail":
            voicemail = Voicemail(
                session=call.session,
                record=call.record,
                prompts=call.house.prompts,
                language=language,
                recorder=call.house.recorder,
                queue=queue,
            )
            if voicemail.is_refused():
                return Play(wanted.walk, ("voicemail_not_possible", prompt_of(wanted.walk.menu)))
            self._voicemail = voicemail
            await voicemail.take()
            return HangUp(path, language, ())
        refused = await ask_for_callback(call.house.callbacks, call.number, queue, row)
        if refused is not None:
            call.record.step("callback_refused", reason=refused)
            return Play(wanted.walk, ("callback_not_possible", prompt_of(wanted.walk.menu)))
        self._outcome = _CALLBACK
        return HangUp(path, language, ("callback_accepted",))

    async def _serve(self, wanted: Serve, medium: str) -> None:
        call = self._call
        await call.tell(wanted.prompts, wanted.walk.language)
        call.record.step("service", service=wanted.service)
        house, visitor = call.house, self._visitor
        visitor.customer_id = visitor.customer_id or call.record.row.customer_id
        counter = Counter(
            keypad=Keypad(call.session, call.record, house.prompts, call.language),
            trade=house.trade,
            customers=house.customers,
            notices=house.notices,
            pins=house.pins,
            refusals=house.refusals,
            terms=house.terms,
            visitor=visitor,
            pin=wanted.pin,
            recognised=partial(recognise, call),
            call_id=call.record.call_id,
            medium=medium,
            clock=house.clock,
            zone=house.zone,
        )
        await serve(wanted.service, counter)
        self._outcome = "self_service"
        call.record.step("service_done", service=wanted.service)

    async def _digits(self, wanted: Dial) -> str:
        """What the caller types as an extension, until no key more is waited for or comes."""
        call, walk, typed = self._call, wanted.walk, wanted.typed
        menus = call.line.menus
        rules = menus.extensions
        if rules is None:
            return ""
        if not typed:
            paths = await call.paths(wanted.prompts, walk.language)
            key = await call.session.play(paths, escape_digits=KEYS)
            typed = key or await call.session.wait_for_digit(menus[walk.menu].timeout_s) or ""
        while typed and not is_typed(menus, walk, typed):
            key = await call.session.wait_for_digit(rules.next_digit_s)
            if key is None:
                break
            typed += key
        call.record.step("digits", asked="extension", keys=typed)
        return typed

    def _note(self, menu: str, key: str | None) -> None:
        """The first digit of an extension is noted with those that follow."""
        call, menus = self._call, self._call.line.menus
        if key is None:
            call.record.step("no_key", menu=menu)
        elif key in menus.keys_in(menus[menu]):
            call.record.step("key", menu=menu, key=key)
        elif key not in menus.dialled_in(menus[menu]):
            call.session.forget_keys()
            call.record.step("wrong_key", menu=menu, key=key)

    async def _listen(self, play: Play) -> str | None:
        call, menu = self._call, self._call.line.menus[play.walk.menu]
        call.note_announced(play.prompts)
        paths = await call.paths(play.prompts, play.walk.language)
        early = KEYS if menu.barge_in else ""
        key = await call.session.play(paths, escape_digits=early)
        return key or await call.session.wait_for_digit(menu.timeout_s)

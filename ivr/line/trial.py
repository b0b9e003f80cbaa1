"""A call without a telephone: what is said, which keys do what at which time, who is recognised, where it goes and why.

Rule: it asks what a call asks, in the same order, and changes nothing. Of a caller it tells only those who may see every
customer, and their numbers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal

from acd.familiar import NOBODY as NOBODY_FAMILIAR
from acd.familiar import FamiliarAgents
from acd.lineplan import DidPlan, LinePlan
from acd.records import CallerFacts, taken, told_of
from acd.rows import CallRow, StepRow
from acd.why import Told, explain, mentioned
from crm_core.blacklist.policy import Listed, Policy
from crm_core.customers.service import CustomerService
from crm_core.db import Database
from crm_core.errors import Forbidden, Invalid
from crm_core.people.names import names_of
from crm_core.places.finder import Places
from crm_core.rights import Actor, Right, Scope
from ivr.line.commands import TrialCall
from ivr.line.live import Line
from ivr.menu import Language, Menus
from ivr.prompts import texts
from ivr.reception import known_of, language_of
from ivr.walker import (
    Chosen,
    Decision,
    Dial,
    HangUp,
    Leave,
    Play,
    Serve,
    begin,
    is_typed,
    press,
    served,
    to_operator,
)
from ivr.walker import dialled as after_extension
from ivr.way import Arrival, AtExtension, AtWork, dialled, familiar_to, way

NextKey = Callable[[], str | None]
"""What the caller presses next, None for a silence."""
Ending = Literal["rejected", "fax", "hang_up", "extension", "queue", "voicemail", "callback"]


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said, pressed ("" for a silence), or done for the caller."""

    code: Literal["said", "key", "service"]
    text: str


@dataclass(frozen=True, slots=True)
class End:
    """How a call went out. `queue` is where the caller, the message or the call-back goes, `extension` what was dialled
    where nobody knows who is logged in.
    """

    kind: Ending
    queue: str | None = None
    priority: int | None = None
    extension: str | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """How the call went; `open` and `holiday` of its time, `version` None of a file."""

    version: int | None
    at: datetime
    open: tuple[str, ...]
    holiday: str | None
    language: Language
    heard: tuple[Heard, ...]
    end: End
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Callers:
    """What the house knows of who calls and who is at work. `listed`: what the blacklist says of a number and a level."""

    database: Database
    customers: CustomerService
    places: Places
    familiar: FamiliarAgents
    listed: Callable[[str | None, str | None], Listed | None]
    at_extension: AtExtension


class LineTrial:
    """`language` is spoken to whom nobody knows. Without `callers` nobody is known, and of an extension only that it was
    dialled.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        zone: tzinfo,
        language: Language,
        callers: Callers | None = None,
    ) -> None:
        self._clock = clock
        self._zone = zone
        self._language = language
        self._callers = callers

    async def run(
        self,
        actor: Actor,
        line: Line,
        call: TrialCall,
        next_key: NextKey,
        hear: Callable[[Heard], None] = lambda _: None,
    ) -> Tried:
        """`hear` is told at once. Raises Invalid (it is none of our numbers), Forbidden."""
        _check(actor, call)
        did = _called(line.plan, call.did)
        at = (call.at or self._clock()).astimezone(self._zone)
        story = _Story(call, at)
        arrival, listed = await self._received(line.plan, call, at, story)
        language = call.language or language_of(arrival.who, self._language)
        heard: list[Heard] = []

        def hears(each: Heard) -> None:
            heard.append(each)
            hear(each)

        if listed is not None and listed.policy is not Policy.WARN:
            end = End("rejected")
        elif did.fax:
            end = End("fax")
        else:
            words = _words(line.menus)
            walk = _Walk(line, arrival, next_key, hears, self._at_extension, words)
            end = await self._gone(line.plan, arrival, walk.to_the_end(did, language), story)
        return Tried(
            version=line.number or None,
            at=at,
            open=tuple(sorted(arrival.moment.open)),
            holiday=arrival.moment.holiday,
            language=language,
            heard=tuple(heard),
            end=end,
            told=await self._told(story),
        )

    @property
    def _at_extension(self) -> AtExtension | None:
        return self._callers.at_extension if self._callers else None

    async def _received(
        self, plan: LinePlan, call: TrialCall, at: datetime, story: "_Story"
    ) -> tuple[Arrival, Listed | None]:
        """Who it is, and what the blacklist says of them."""
        moment, callers = plan.times.at(at), self._callers
        if callers is None or call.caller is None:
            return Arrival(None, None, CallerFacts(), call.did, moment), None
        who = await callers.customers.identify(call.caller)
        known = known_of(call.caller, who, callers.places)
        story.step("identified", **known.found, **known.how)
        listed = callers.listed(call.caller, who.level_code if who else None)
        if listed is not None:
            story.step("blacklisted", policy=listed.policy)
        return Arrival(call.caller, who, known, call.did, moment), listed

    async def _gone(self, plan: LinePlan, arrival: Arrival, last: "_Last", story: "_Story") -> End:
        """Where whoever ended the walk so is taken."""
        if isinstance(last, HangUp):
            return End("hang_up")
        chosen = last.chosen if isinstance(last, Leave) else last
        if chosen.extension is not None and self._callers is None:
            return End("extension", extension=chosen.extension)
        callers = self._callers
        familiar = (
            await familiar_to(arrival, plan, callers.familiar) if callers else NOBODY_FAMILIAR
        )
        found = way(plan, arrival, chosen, familiar, self._at_extension or _nobody_there)
        story.step("routed", **taken(found, chosen.path), **told_of(found))
        if isinstance(last, Leave):
            return End(last.kind, queue=last.queue or found.queue)
        return End("queue", queue=found.queue, priority=found.priority)

    async def _told(self, story: "_Story") -> tuple[Told, ...]:
        ids = mentioned(story.steps)
        names = await names_of(self._callers.database, ids) if self._callers else {}
        return explain(story.row, story.steps, names)


class _Story:
    """What the record of such a call would say."""

    def __init__(self, call: TrialCall, at: datetime) -> None:
        self._at = at
        self.row = CallRow(
            id="",
            node="",
            linkedid="",
            direction="inbound",
            caller=call.caller,
            did=call.did,
            started_at=at,
        )
        self.steps: list[StepRow] = []

    def step(self, kind: str, **detail: object) -> None:
        self.steps.append(StepRow("", len(self.steps), self._at, kind, detail))


_Last = Chosen | HangUp | Leave


@dataclass(frozen=True, slots=True)
class _Walk:
    """Key by key through the menus."""

    line: Line
    arrival: Arrival
    next_key: NextKey
    hear: Callable[[Heard], None]
    at_extension: AtExtension | None
    words: Mapping[tuple[str, Language], str]

    def to_the_end(self, did: DidPlan, language: Language) -> _Last:
        decision: Decision = begin(did, language, self.arrival.moment)
        while True:
            self._say(decision)
            if isinstance(decision, Chosen | HangUp | Leave):
                return decision
            decision = self._next(decision)

    def _say(self, decision: Decision) -> None:
        said = decision.chosen if isinstance(decision, Leave) else decision
        language = said.language if isinstance(said, Chosen | HangUp) else said.walk.language
        for prompt in said.prompts:
            self.hear(Heard("said", self.words[prompt, language]))

    def _next(self, decision: Play | Serve | Dial) -> Decision:
        menus = self.line.menus
        if isinstance(decision, Serve):
            self.hear(Heard("service", decision.service))
            return served(decision.walk)
        if isinstance(decision, Dial):
            typed = self._digits(decision)
            operator = to_operator(menus, decision.walk, typed)
            if operator is not None:
                return operator
            extension = typed.rstrip("#")
            return after_extension(menus, decision.walk, extension, there=self._is_there(extension))
        return press(menus, decision.walk, self._key(), self.arrival.moment)

    def _is_there(self, extension: str) -> bool:
        if self.at_extension is None:
            return len(extension) > 1 and extension.isdigit()
        return dialled(self.line.plan, self.at_extension, extension) is not None

    def _digits(self, wanted: Dial) -> str:
        typed = wanted.typed
        while not is_typed(self.line.menus, wanted.walk, typed):
            key = self._key()
            if key is None:
                break
            typed += key
        return typed

    def _key(self) -> str | None:
        key = self.next_key()
        self.hear(Heard("key", key or ""))
        return key


def _words(menus: Menus) -> dict[tuple[str, Language], str]:
    return {(each.name, each.language): each.text for each in texts(menus)}


def _check(actor: Actor, call: TrialCall) -> None:
    actor.require(Right.LINE_MANAGE)
    if call.caller is None:
        return
    actor.require(Right.CUSTOMER_VIEW)
    actor.require_read("customer", ("phones",))
    if actor.scope is not Scope.ALL:
        raise Forbidden("Your role sees some customers only: try the line without a caller.")


def _called(plan: LinePlan, number: str) -> DidPlan:
    did = plan.did_by_number.get(number)
    if did is None:
        known = ", ".join(sorted(plan.did_by_number))
        raise Invalid(
            f"{number} is none of our numbers: {known}.", fields={"did": "none of our numbers"}
        )
    return did


def _nobody_there(_: str) -> AtWork | None:
    return None

"""A call without a telephone: what is said, which keys do what at which time, and where it goes and why."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from acd.hours import Moment
from acd.lineplan import DidPlan, LinePlan
from acd.routing import CallFacts, route
from ivr.menu import Language, Menus
from ivr.prompts import texts
from ivr.said import KEYS
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
from zongji.cli.line import menus, wall_clock
from zongji.cli.line_versions import read_live
from zongji.cli.progress import console
from zongji.platform.errors import PlatformError

NextKey = Callable[[], str | None]
_WALL = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d"]


@menus.command("try")
def walk(
    did: Annotated[str, typer.Argument(help="The number that is called.")],
    keys: Annotated[
        str,
        typer.Option("--keys", help="Keys with commas between them; without it you press them."),
    ] = "",
    at: Annotated[
        datetime | None,
        typer.Option("--at", formats=_WALL, help="When the call comes, by the clock of the house."),
    ] = None,
    language: Annotated[str, typer.Option(help="zh or en.")] = "zh",
    file: Annotated[
        Path | None, typer.Option("--file", help="A line file; without it the one that is live.")
    ] = None,
) -> None:
    """Walk a menu without a telephone: what is said, and where the call goes and why."""
    plan, found = read_live(file)
    called = plan.did_by_number.get(did)
    if called is None:
        known = ", ".join(sorted(plan.did_by_number))
        raise PlatformError(f"{did} is none of our numbers: {known}.")
    wall = at or wall_clock()
    moment = plan.times.at(wall)
    if plan.times.hours:
        _say(f"{wall:%Y-%m-%d %H:%M} {_told(moment)}")
    if called.fax:
        _say("→ the fax machine")
        return
    trial = _Trial(found, moment, _presser(keys))
    end = trial.walk(called, "en" if language == "en" else "zh")
    if isinstance(end, HangUp):
        _say("→ the call ends")
    elif end.extension is not None:
        _say(f"→ whoever is logged in at extension {end.extension}, in the line where they serve")
    else:
        _show_route(plan, did, end, moment)


@dataclass(frozen=True)
class _Trial:
    """One walk at one time. `next_key`: what the caller presses."""

    menus: Menus
    moment: Moment
    next_key: NextKey

    def walk(self, did: DidPlan, language: Language) -> Chosen | HangUp:
        words = {(each.name, each.language): each.text for each in texts(self.menus)}
        decision: Decision = begin(did, language, self.moment)
        while True:
            spoken = (
                decision.language
                if isinstance(decision, Chosen | HangUp)
                else decision.walk.language
            )
            said = decision.chosen.prompts if isinstance(decision, Leave) else decision.prompts
            for prompt in said:
                console.print(
                    f"  {words[prompt, spoken]}", markup=False, highlight=False, soft_wrap=True
                )
            if isinstance(decision, Leave):
                _say(f"  [{decision.kind} {decision.queue or ''}]")
                return decision.chosen
            if isinstance(decision, Chosen | HangUp):
                return decision
            decision = self._next(decision)

    def _next(self, decision: Play | Serve | Dial) -> Decision:
        if isinstance(decision, Serve):
            _say(f"  [self-service: {decision.service}]")
            return served(decision.walk)
        if isinstance(decision, Dial):
            typed = self._digits(decision)
            operator = to_operator(self.menus, decision.walk, typed)
            if operator is not None:
                return operator
            extension = typed.rstrip("#")
            there = len(extension) > 1 and extension.isdigit()
            return dialled(self.menus, decision.walk, extension, there=there)
        return press(self.menus, decision.walk, self.next_key(), self.moment)

    def _digits(self, wanted: Dial) -> str:
        typed = wanted.typed
        while not is_typed(self.menus, wanted.walk, typed):
            key = self.next_key()
            if key is None:
                break
            typed += key
        return typed


def _show_route(plan: LinePlan, did: str, end: Chosen, moment: Moment) -> None:
    facts = CallFacts(did=did, menu_choice=end.choice, moment=moment, queue=end.queue)
    way = route(plan, facts)
    _say(f"→ queue {way.queue}, priority {way.priority}")
    for why in way.why:
        told = ", ".join(f"{name} {value}" for name, value in why.params.items())
        _say(f"  because {why.code}: {told}")


def _told(moment: Moment) -> str:
    """What is open, in words."""
    opened = f"open: {_list(moment.open)}"
    return f"{opened}; holiday: {moment.holiday}" if moment.holiday else opened


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _say(text: str) -> None:
    console.print(text, markup=False, highlight=False)


def _presser(keys: str) -> NextKey:
    """The keys that were given, then silence; without any, whoever sits at the terminal presses them."""
    waiting = [key for key in keys.split(",") if key]
    if waiting:
        return lambda: waiting.pop(0) if waiting else None

    def ask() -> str | None:
        key = typer.prompt("key (Enter for silence)", default="", show_default=False).strip()
        return key if key in KEYS and key else None

    return ask

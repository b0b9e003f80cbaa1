"""A call without a telephone, at the terminal (`ivr/line/trial.py`)."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from acd.familiar import FamiliarAgents
from acd.hours import Moment
from acd.rows import AgentStateRow
from acd.store import AcdStore
from crm_core.blacklist.live import holding
from crm_core.blacklist.policy import Listed, judged
from crm_core.customers.service import CustomerService
from crm_core.db import Database
from crm_core.errors import Invalid
from crm_core.places.finder import Places
from crm_core.rights import SYSTEM
from ivr.line.commands import TrialCall
from ivr.line.live import Line
from ivr.line.trial import Callers, End, Heard, LineTrial, NextKey, Tried
from ivr.menu import Language
from ivr.said import KEYS
from zongji import settings
from zongji.cli.line import house_zone, menus
from zongji.cli.line_versions import read_live
from zongji.cli.progress import console
from zongji.cli.why_words import sentence
from zongji.core import connected, now
from zongji.platform.errors import PlatformError

_WALL = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d"]
_PATIENT_S = 10.0


@menus.command("try")
def walk(
    did: Annotated[str, typer.Argument(help="The number that is called.")],
    *,
    keys: Annotated[
        str,
        typer.Option("--keys", help="Keys with commas between them; without it you press them."),
    ] = "",
    caller: Annotated[
        str | None,
        typer.Option("--caller", help="The number that calls; without it nobody is recognised."),
    ] = None,
    at: Annotated[
        datetime | None,
        typer.Option("--at", formats=_WALL, help="When the call comes, by the clock of the house."),
    ] = None,
    language: Annotated[
        Language | None, typer.Option(help="What is spoken at first; the caller's if not given.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="A line file; without it the one that is live.")
    ] = None,
) -> None:
    """Walk a menu without a telephone: what is said, who is recognised, and where the call goes and why.

    A file alone needs no database; a caller does.
    """
    line, zone = read_live(file), house_zone()
    wall = at.replace(tzinfo=zone) if at else now().astimezone(zone)
    try:
        call = TrialCall(did=did, caller=caller, at=wall, language=language)
    except ValidationError as error:
        raise PlatformError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error
    if line.plan.times.hours:
        _say(f"{wall:%Y-%m-%d %H:%M} {_opened(line.plan.times.at(wall))}")
    next_key = _presser(keys)
    try:
        if file is not None and caller is None:
            trial = LineTrial(clock=now, zone=zone, language="zh")
            tried = asyncio.run(trial.run(SYSTEM, line, call, next_key, _hear))
        else:
            tried = connected(lambda database, _: _run(database, line, call, next_key))
    except Invalid as error:
        raise PlatformError(error.message) from error
    _show(tried)


async def _run(database: Database, line: Line, call: TrialCall, next_key: NextKey) -> Tried:
    """With all that a call finds, and more patience."""
    agents = [each for each in await AcdStore(database).agent_states() if each.state != "offline"]
    by_extension: dict[str, AgentStateRow] = {each.extension: each for each in agents}
    listed = {each.number: each for each in await holding(database, now())}
    chosen, places = settings.load(), Places()
    await places.load(database)

    def judge(number: str | None, level: str | None) -> Listed | None:
        return judged(listed.get(number or ""), level, chosen.blacklist.rules, now())

    customers = CustomerService(database, identify_deadline_s=_PATIENT_S)
    familiar = FamiliarAgents(database, clock=now, zone=chosen.zone, deadline_s=_PATIENT_S)
    try:
        callers = Callers(database, customers, places, familiar, judge, by_extension.get)
        trial = LineTrial(clock=now, zone=chosen.zone, language=chosen.language, callers=callers)
        return await trial.run(SYSTEM, line, call, next_key, _hear)
    finally:
        await familiar.close()
        await customers.close()


def _hear(heard: Heard) -> None:
    if heard.code == "said":
        _say(f"  {heard.text}")
    elif heard.code == "service":
        _say(f"  [self-service: {heard.text}]")


def _show(tried: Tried) -> None:
    _say(f"→ {_ended(tried.end)}")
    for told in tried.told:
        _say(f"  {sentence(told, 'en')}")


def _ended(end: End) -> str:
    words = {
        "rejected": "the blacklist rejects the call",
        "fax": "the fax machine",
        "hang_up": "the call ends",
        "extension": f"whoever is logged in at extension {end.extension}, in the line where they serve",
        "queue": f"queue {end.queue}, priority {end.priority}",
        "voicemail": f"a message for the people of queue {end.queue}",
        "callback": f"to be called back by queue {end.queue}",
    }
    return words[end.kind]


def _opened(moment: Moment) -> str:
    """What is open, in words."""
    opened = f"open: {_list(moment.open)}"
    return f"{opened}; holiday: {moment.holiday}" if moment.holiday else opened


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _say(text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _presser(keys: str) -> NextKey:
    """The keys that were given, then silence; without any, whoever sits at the terminal presses them."""
    waiting = [key for key in keys.split(",") if key]
    if waiting:
        return lambda: waiting.pop(0) if waiting else None

    def ask() -> str | None:
        key = typer.prompt("key (Enter for silence)", default="", show_default=False).strip()
        return key if key in KEYS and key else None

    return ask

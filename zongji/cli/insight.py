"""Customer insight: worked out anew, and explained."""

import asyncio
from typing import Annotated, TypeVar

import typer
from rich.progress import Progress

from crm_core.db import Database
from crm_core.insight.evaluation import Kind, RuleTried
from crm_core.insight.views import CustomerInsightView
from crm_core.insight.worker import InsightWorker
from crm_core.numbers import normalise
from crm_core.rights import SYSTEM
from crm_core.services import Crm
from zongji import settings
from zongji.cli.progress import bar, console
from zongji.core import connected, insight_sources, now
from zongji.platform.errors import PlatformError

app = typer.Typer()

T = TypeVar("T")
_LONGEST_ID = 9
_PAUSE_S = 0.5


@app.command()
def recompute(
    everybody: Annotated[
        bool, typer.Option("--all", help="Everybody, not only whom something has changed about.")
    ] = False,
) -> None:
    """Work out whatever waits to be worked out; a daemon that runs meanwhile takes its share."""

    async def work(database: Database, crm: Crm) -> int:
        worker = InsightWorker(database, insight_sources(settings.load()), clock=now)
        await worker.find_missing()
        if everybody:
            await crm.insight.recompute_all(SYSTEM)
        with bar() as shown:
            return await _work_off(worker, crm, shown)

    console.print(f"{connected(work)} customers worked out")


@app.command()
def explain(
    customer: Annotated[str, typer.Argument(help="Id, telephone number, or a part of the name.")],
) -> None:
    """Why a customer has this segment, this grade and these warnings: every rule with figure and bound."""

    async def work(_: Database, crm: Crm) -> tuple[str, CustomerInsightView]:
        customer_id = await _find(crm, customer)
        card = await crm.customers.get(SYSTEM, customer_id)
        return card.name, await crm.insight.customer(SYSTEM, card.id)

    name, found = connected(work)
    english = settings.load().language == "en"
    console.print(f"{name}  #{found.customer_id}  R{found.r} F{found.f} M{found.m}", markup=False)
    for figure in found.figures:
        console.print(f"  {figure.metric:<24} {_figure(figure.value)}", markup=False)
    for rule in found.rules:
        console.print(_line(rule, english=english))


async def _work_off(worker: InsightWorker, crm: Crm, shown: Progress) -> int:
    """Batch by batch, until nothing waits; what another worker holds at the moment is waited for."""
    task, done = shown.add_task("customers", total=None), 0
    while True:
        worked = await worker.run_once()
        done += worked
        left = await crm.insight.progress()
        waiting = max(left.queued + left.due, left.customers - left.current)
        shown.update(task, completed=done, total=done + waiting)
        if not worked:
            if not waiting:
                return done
            await asyncio.sleep(_PAUSE_S)


def _line(rule: RuleTried, *, english: bool) -> str:
    mark = "[green]✓[/green]" if rule.chosen else "[dim]·[/dim]"
    name = rule.name_en if english else rule.name_zh
    tests = ", ".join(
        f"{each.metric} {_figure(each.value)} {each.operator} {_figure(each.bound)}"
        f" {'✓' if each.held else '✗'}"
        for each in rule.tried
    )
    kind = {Kind.SEGMENT: "segment", Kind.GRADE: "grade", Kind.HEALTH: "warning"}[rule.kind]
    return f"{mark} {kind:<8} {rule.code:<20} {name}  {tests or 'everybody else'}"


def _figure(value: object) -> str:
    return "-" if value is None else f"{value:.10g}"


async def _find(crm: Crm, wanted: str) -> int:
    if wanted.isascii() and wanted.isdecimal() and len(wanted) <= _LONGEST_ID:
        return int(wanted)
    number = normalise(wanted)
    caller = await crm.customers.identify(number) if number else None
    if caller is not None:
        return caller.customer_id
    hits = await crm.search.quick(SYSTEM, wanted, 10)
    if len(hits) != 1:
        found = "; ".join(f"{hit.id} {hit.name}" for hit in hits) or "nobody"
        raise PlatformError(f"“{wanted}” means {found}: give the id of one.")
    return hits[0].id

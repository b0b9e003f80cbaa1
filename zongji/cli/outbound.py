"""Calling out: campaigns."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from crm_core.db import Database
from crm_core.numbers import normalise
from crm_core.rights import SYSTEM
from dialer.store import DialerStore
from zongji import settings
from zongji.cli.options import Where, conditions
from zongji.cli.progress import console
from zongji.core import connected
from zongji.platform.errors import PlatformError

campaigns = typer.Typer()

_MOST = 200_000
T = TypeVar("T")
CampaignId = Annotated[
    int, typer.Argument(help="The campaign's number, see `zongji campaign list`.")
]


@campaigns.command()
def add(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    numbers: Annotated[
        Path | None, typer.Argument(help="A text file with one number a line.", exists=True)
    ] = None,
    *,
    queue: Annotated[str, typer.Option(help="Whose agents speak to them.")],
    where: Where = None,
    attempts: Annotated[int, typer.Option(min=1, max=20, help="Per number.")] = 3,
    needs_consent: Annotated[
        bool,
        typer.Option(
            "--needs-consent", help="Call nobody without a consent, see `zongji consent`."
        ),
    ] = False,
) -> None:
    """Make a campaign from a file, or from the customers who fulfil every --where (segment=dormant …).

    Lines of a file that are no numbers are named, the rest is kept. Of a customer one number is called, a
    mobile one if there is one; nobody who wants no calls is.
    """
    if (numbers is None) == (where is None):
        raise PlatformError("Give a file with numbers, or --where for customers, and not both.")
    good, bad = _read(numbers) if numbers is not None else (_numbers_of(where), [])
    for line, text in bad:
        console.print(f"[yellow]{numbers}:{line}: “{text}” is no telephone number[/yellow]")
    if not good:
        raise PlatformError(
            "There is no telephone number to call: nobody is left to put on the list."
        )
    made = _run(
        lambda store: store.add_campaign(
            name, queue, good, max_attempts=attempts, needs_consent=needs_consent
        )
    )
    console.print(
        f"campaign {made}: {len(set(good))} numbers, {len(bad)} lines refused; "
        f"begin with `zongji campaign start {made}`"
    )


@campaigns.command("list")
def list_campaigns() -> None:
    """Every campaign and how far it is."""
    for row in _run(lambda store: store.campaigns()):
        console.print(
            f"{row.id:>4}  {row.status:<8} {row.queue:<12} "
            f"{row.reached} reached, {row.closed} closed, {row.waiting} waiting  {row.name}"
        )


@campaigns.command()
def start(campaign: CampaignId) -> None:
    """Begin or go on; within the calling hours agents who are free get calls."""
    _run(lambda store: store.set_campaign_status(campaign, "running"))
    console.print(f"campaign {campaign} is running")


@campaigns.command()
def pause(campaign: CampaignId) -> None:
    """Dial nobody new; calls that are out go on."""
    _run(lambda store: store.set_campaign_status(campaign, "draft"))
    console.print(f"campaign {campaign} is paused")


def _numbers_of(where: Sequence[str] | None) -> list[str]:
    """Raises PlatformError when there are too many."""
    found = connected(
        lambda _, crm: crm.search.numbers_to_call(SYSTEM, conditions(where), limit=_MOST + 1)
    )
    if len(found) > _MOST:
        raise PlatformError(f"These are more than {_MOST} customers: add a --where.")
    return list(found)


def _read(path: Path) -> tuple[list[str], list[tuple[int, str]]]:
    good: list[str] = []
    bad: list[tuple[int, str]] = []
    for line, text in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        number = normalise(text)
        if number is not None:
            good.append(number)
        elif text.strip():
            bad.append((line, text.strip()))
    return good, bad


def _run(work: Callable[[DialerStore], Awaitable[T]]) -> T:
    async def with_store() -> T:
        database = Database(settings.load().database_url.get_secret_value())
        try:
            return await work(DialerStore(database))
        finally:
            await database.close()

    return asyncio.run(with_store())

"""Who agrees to be called by campaigns."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError

from crm_core.rights import SYSTEM
from dialer.consents.commands import ConsentQuery, NewConsent, Withdrawal
from dialer.consents.service import ConsentService
from zongji import settings
from zongji.cli.progress import console
from zongji.core import connected, now
from zongji.platform.errors import PlatformError

app = typer.Typer()

T = TypeVar("T")
Day = Annotated[datetime | None, typer.Option(help="A day such as 2026-12-31, or with the time.")]


@app.command()
def add(
    number: Annotated[str, typer.Argument(help="The number that may be called.")],
    proof: Annotated[str, typer.Option(help="What was said, or where it stands in writing.")],
    *,
    campaign: Annotated[int | None, typer.Option(help="For this campaign alone.")] = None,
    call: Annotated[str | None, typer.Option(help="The call in which it was given.")] = None,
    given: Day = None,
    until: Day = None,
) -> None:
    """Note that somebody agrees to be called by campaigns."""
    zone = settings.load().zone
    try:
        wanted = NewConsent(
            number=number,
            proof=proof,
            campaign_id=campaign,
            call_id=call,
            given_at=given.replace(tzinfo=zone) if given else now(),
            expires_at=until.replace(tzinfo=zone) if until else None,
        )
    except ValidationError as error:
        raise PlatformError(f"{error.errors()[0]['msg']}.") from error
    made = _done(lambda service: service.give(SYSTEM, wanted))
    console.print(f"consent {made.id} of {made.number} is noted")


@app.command()
def withdraw(
    consent: Annotated[int, typer.Argument(help="Its number, see `zongji consent list`.")],
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
) -> None:
    """Let a consent hold no more."""
    _done(lambda service: service.withdraw(SYSTEM, consent, Withdrawal(reason=reason)))
    console.print(f"consent {consent} holds no more")


@app.command("list")
def show(
    number: Annotated[str | None, typer.Argument(help="Of this number alone.")] = None,
    *,
    over: Annotated[bool, typer.Option("--over", help="Those that hold no more, too.")] = False,
) -> None:
    """The newest consents."""
    try:
        query = ConsentQuery(number=number, over=over)
    except ValidationError as error:
        raise PlatformError(f"{error.errors()[0]['msg']}.") from error
    zone = settings.load().zone
    for each in _done(lambda service: service.listed(SYSTEM, query)):
        of = each.number or f"customer {each.customer_id}"
        what = "every campaign" if each.campaign_id is None else f"campaign {each.campaign_id}"
        until = f" until {each.expires_at.astimezone(zone):%Y-%m-%d}" if each.expires_at else ""
        over_now = "" if each.holds else " (holds no more)"
        proof = each.proof or each.call_id or each.reference
        console.print(
            f"{each.id:>6}  {of:<16} {each.given_at.astimezone(zone):%Y-%m-%d}{until} for {what}{over_now}  {proof}"
        )


def _done(work: Callable[[ConsentService], Awaitable[T]]) -> T:
    return connected(lambda database, _: work(ConsentService(database, clock=now)))

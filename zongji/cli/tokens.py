"""Service tokens: with them programs use the API."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from pydantic import ValidationError

from crm_core.db import Database
from crm_core.fields import LONGEST_PAGE
from crm_core.people.accounts import AccountService
from crm_core.people.tokens import NewToken, TokenQuery, TokenService, TokenView
from crm_core.rights import SYSTEM, Right
from zongji.cli.people import find, with_database
from zongji.cli.progress import console
from zongji.platform.errors import PlatformError

app = typer.Typer()

Name = Annotated[str, typer.Argument(help="The name of the token.")]


@app.command()
def create(
    name: Name,
    login: Annotated[
        str, typer.Option("--for", help="The person for whom it acts, and whose rights limit it.")
    ],
    rights: Annotated[
        list[str], typer.Option("--right", help="A right it has, such as order.view; repeat it.")
    ],
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="How long it holds; else until revoked.")
    ] = None,
) -> None:
    """Make a token; it is shown once."""
    ends = None if days is None else datetime.now(UTC) + timedelta(days=days)
    new = _new(name, rights, ends)

    async def work(database: Database) -> str:
        maker = await find(AccountService(database), login)
        _, token = await TokenService(database).create(SYSTEM, new, maker_id=maker.id)
        return token

    token = with_database(work)
    console.print(f"Send it as “Authorization: Bearer …”; it is not shown again:\n{token}")


@app.command("list")
def list_tokens() -> None:
    """The tokens, the newest first, also those that are over."""

    async def work(database: Database) -> list[TokenView]:
        return await _all(TokenService(database))

    for each in with_database(work):
        console.print(
            f"{each.name:<20} {each.prefix}…  {each.creator:<12} {_state(each):<10} "
            f"{', '.join(each.rights)}",
            markup=False,
        )


@app.command()
def revoke(name: Name) -> None:
    """Refuse a token from its next request."""

    async def work(database: Database) -> None:
        service = TokenService(database)
        for each in await _all(service):
            if each.name == name:
                await service.revoke(SYSTEM, each.id)
                return
        raise PlatformError(f"There is no token “{name}”: see `zongji token list`.")

    with_database(work)
    console.print(f"The token {name} is refused from now on")


async def _all(service: TokenService) -> list[TokenView]:
    page = await service.all(SYSTEM, TokenQuery(limit=LONGEST_PAGE))
    found = list(page)
    while len(page) == LONGEST_PAGE:
        page = await service.all(SYSTEM, TokenQuery(before=page[-1].id, limit=LONGEST_PAGE))
        found += page
    return found


def _new(name: str, rights: list[str], expires_at: datetime | None) -> NewToken:
    unknown = sorted(set(rights) - set(Right))
    if unknown:
        raise PlatformError(
            f"There is no right {', '.join(unknown)}: choose of {', '.join(sorted(Right))}."
        )
    try:
        return NewToken(name=name, rights=frozenset(map(Right, rights)), expires_at=expires_at)
    except ValidationError as error:
        raise PlatformError("; ".join(item["msg"] for item in error.errors())) from error


def _state(token: TokenView) -> str:
    if token.revoked_at is not None:
        return "revoked"
    over = token.expires_at is not None and token.expires_at <= datetime.now(UTC)
    return "over" if over else "active"

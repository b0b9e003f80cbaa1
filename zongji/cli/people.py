"""People who log in."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError

from crm_core.db import Database
from crm_core.fields import LONGEST_PAGE
from crm_core.people.accounts import AccountService
from crm_core.people.login_sessions import SessionPage, SessionView
from crm_core.people.users import NewUser, UserChange, UserView
from crm_core.rights import ROLES, SYSTEM
from zongji import settings
from zongji.cli.progress import console
from zongji.core import account_policy
from zongji.platform.errors import PlatformError

app = typer.Typer()

T = TypeVar("T")
Login = Annotated[str, typer.Argument(help="The log-in name.")]


@app.command("list")
def list_users() -> None:
    """Everybody, with role and extension."""

    async def work(accounts: AccountService) -> tuple[UserView, ...]:
        return await accounts.users(SYSTEM)

    for user in with_accounts(work):
        state = "" if user.active else "  (inactive)"
        console.print(
            f"{user.login:<16} {user.role:<12} {user.extension or '-':<6} {user.name}{state}"
        )


@app.command()
def add(
    login: Login,
    name: Annotated[str, typer.Option(help="The name that others see.")],
    role: Annotated[str, typer.Option(help=f"One of {', '.join(ROLES)}.")] = "agent",
    extension: Annotated[str | None, typer.Option(help="The agent's telephone.")] = None,
) -> None:
    """Add somebody; the password is made and shown once."""
    password = made_password()
    try:
        new = NewUser(login=login, name=name, role=role, extension=extension)
    except ValidationError as error:
        wrong = (f"--{item['loc'][0]}: {item['msg']}" for item in error.errors())
        raise PlatformError("; ".join(wrong)) from error

    async def work(accounts: AccountService) -> UserView:
        return await accounts.create_user(SYSTEM, new, password, must_change=True)

    with_accounts(work)
    console.print(f"{login} may log in once, to change it, with the password {password}")


@app.command()
def password(login: Login) -> None:
    """Make a new password and end every session of that person."""
    fresh = made_password()

    async def work(accounts: AccountService) -> None:
        await accounts.set_password(SYSTEM, (await find(accounts, login)).id, fresh)

    with_accounts(work)
    console.print(f"The new password of {login} is {fresh}")


@app.command()
def sessions(login: Login) -> None:
    """Where somebody is logged in, the latest log-in first."""

    async def work(accounts: AccountService) -> tuple[SessionView, ...]:
        user = await find(accounts, login)
        return await accounts.sessions(SYSTEM, user.id, SessionPage(limit=LONGEST_PAGE))

    for each in with_accounts(work):
        console.print(
            f"{each.id:<8} {each.address:<16} since {each.created_at:%Y-%m-%d %H:%M}Z  "
            f"last seen {each.last_seen_at:%Y-%m-%d %H:%M}Z  {each.user_agent}",
            markup=False,
        )


@app.command("end-sessions")
def end_sessions(login: Login) -> None:
    """Log somebody out everywhere."""

    async def work(accounts: AccountService) -> int:
        return await accounts.revoke_all(SYSTEM, (await find(accounts, login)).id)

    console.print(f"{with_accounts(work)} sessions of {login} ended")


@app.command("reset-second-factor")
def reset_second_factor(login: Login) -> None:
    """Forget the authenticator of somebody who has lost it and the recovery codes."""

    async def work(accounts: AccountService) -> None:
        await accounts.second_factor.reset(SYSTEM, (await find(accounts, login)).id)

    with_accounts(work)
    console.print(f"{login} logs in with the password only, until a new authenticator is enrolled")


@app.command()
def deactivate(login: Login) -> None:
    """Lock somebody out; what they did keeps their name."""

    async def work(accounts: AccountService) -> None:
        user = await find(accounts, login)
        await accounts.update_user(SYSTEM, user.id, UserChange(active=False))

    with_accounts(work)
    console.print(f"{login} can no longer log in")


@app.command()
def deputies(
    login: Login,
    deputy: Annotated[
        list[str] | None, typer.Argument(help="Who stands in, the first one first; by log-in name.")
    ] = None,
    valid_from: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")
    ] = None,
    valid_until: Annotated[
        datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="The last day.")
    ] = None,
    nobody: Annotated[bool, typer.Option("--nobody", help="Nobody stands in any more.")] = False,
) -> None:
    """Say who takes somebody's callers while that one is away; without names, show who does."""

    async def work(accounts: AccountService) -> tuple[UserView, dict[int, str]]:
        user = await find(accounts, login)
        if deputy or nobody:
            days = {
                "valid_from": valid_from and valid_from.date(),
                "valid_until": valid_until and valid_until.date(),
            }
            there = [(await find(accounts, each)).id for each in deputy or ()]
            wanted = {"deputies": [{"deputy_id": each, **days} for each in there]}
            user = await accounts.update_user(SYSTEM, user.id, _change(wanted))
        return user, {each.id: each.login for each in await accounts.users(SYSTEM)}

    user, logins = with_accounts(work)
    for each in user.deputies:
        days = f"{each.valid_from or '…'} – {each.valid_until or '…'}"
        console.print(f"{logins[each.deputy_id]:<16} {days}", markup=False)
    if not user.deputies:
        console.print(f"nobody stands in for {login}")


def _change(values: Mapping[str, object]) -> UserChange:
    try:
        return UserChange.model_validate(values)
    except ValidationError as error:
        raise PlatformError("; ".join(item["msg"] for item in error.errors())) from error


async def find(accounts: AccountService, login: str) -> UserView:
    """Raises PlatformError."""
    for user in await accounts.users(SYSTEM):
        if user.login == login:
            return user
    raise PlatformError(f"There is nobody with the log-in name {login}: see `zongji user list`.")


def made_password() -> str:
    """One that nobody guesses, as long as the settings ask for."""
    return secrets.token_urlsafe(max(12, settings.load().accounts.shortest_password))


def with_accounts(work: Callable[[AccountService], Awaitable[T]]) -> T:
    """Do it with the people of the database, and by the policy, that the settings name."""
    policy = account_policy(settings.load())
    return with_database(lambda database: work(AccountService(database, policy=policy)))


def with_database(work: Callable[[Database], Awaitable[T]]) -> T:
    """Do it with the database that the settings name."""

    async def connected() -> T:
        database = Database(settings.load().database_url.get_secret_value())
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(connected())

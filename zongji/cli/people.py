"""People who log in."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError

from crm_core.db import Database
from crm_core.people.accounts import AccountService
from crm_core.people.users import NewUser, UserChange, UserView
from crm_core.rights import ROLES, SYSTEM
from zongji import settings
from zongji.cli.progress import console
from zongji.platform.errors import PlatformError

app = typer.Typer(
    help="People who log in: list, add, set a password, deactivate.", no_args_is_help=True
)

T = TypeVar("T")
Login = Annotated[str, typer.Argument(help="The log-in name.")]


@app.command("list")
def list_users() -> None:
    """Everybody, with role and extension."""

    async def work(accounts: AccountService) -> tuple[UserView, ...]:
        return await accounts.users(SYSTEM)

    for user in _with_accounts(work):
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
    password = secrets.token_urlsafe(12)
    try:
        new = NewUser(login=login, name=name, role=role, extension=extension)
    except ValidationError as error:
        wrong = (f"--{item['loc'][0]}: {item['msg']}" for item in error.errors())
        raise PlatformError("; ".join(wrong)) from error

    async def work(accounts: AccountService) -> UserView:
        return await accounts.create_user(SYSTEM, new, password)

    _with_accounts(work)
    console.print(f"{login} may log in with the password {password}")


@app.command()
def password(login: Login) -> None:
    """Make a new password and end every session of that person."""
    fresh = secrets.token_urlsafe(12)

    async def work(accounts: AccountService) -> None:
        await accounts.set_password(SYSTEM, (await _find(accounts, login)).id, fresh)

    _with_accounts(work)
    console.print(f"The new password of {login} is {fresh}")


@app.command()
def deactivate(login: Login) -> None:
    """Lock somebody out; what they did keeps their name."""

    async def work(accounts: AccountService) -> None:
        user = await _find(accounts, login)
        await accounts.update_user(SYSTEM, user.id, UserChange(active=False))

    _with_accounts(work)
    console.print(f"{login} can no longer log in")


async def _find(accounts: AccountService, login: str) -> UserView:
    for user in await accounts.users(SYSTEM):
        if user.login == login:
            return user
    raise PlatformError(f"There is nobody with the log-in name {login}: see `zongji user list`.")


def _with_accounts(work: Callable[[AccountService], Awaitable[T]]) -> T:
    async def connected() -> T:
        database = Database(settings.load().database_url.get_secret_value())
        try:
            return await work(AccountService(database))
        finally:
            await database.close()

    return asyncio.run(connected())

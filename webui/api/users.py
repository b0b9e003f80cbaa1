"""People who log in, for those who manage them.

Rule: what is given or touched here never reaches beyond the rights of whoever asks.
"""

from datetime import date

from crm_core.fields import Version
from crm_core.people.users import NewUser, UserChange, UserQuery
from crm_core.people.users import UserView as User
from crm_core.rights import Right
from webui.api.session import Password
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedAccount(Model, NewUser):
    """Somebody new; the password is to be changed at the first log-in."""

    password: Password


class AccountChange(Model, UserChange):
    """Only what is given is changed."""

    version: Version


class AccountQuery(Model, UserQuery):
    """A page of people."""


class GivenPassword(Model):
    password: Password


class DeputyItem(View):
    """Who stands in, from one day to another or always."""

    deputy_id: int
    valid_from: date | None
    valid_until: date | None


class AccountItem(View):
    id: int
    login: str
    name: str
    role: str
    extension: str | None
    locale: str
    active: bool
    unit_id: int | None
    must_change_password: bool
    second_factor: bool
    version: int
    skills: dict[str, int]
    deputies: tuple[DeputyItem, ...]


class AccountList(View):
    items: tuple[AccountItem, ...]


class AccountAnswer(View):
    user: AccountItem


async def accounts(asked: Asked[Nothing, AccountQuery]) -> AccountList:
    """Everybody, in the order in which they came."""
    found = await asked.services.crm.accounts.user_page(asked.principal, asked.query)
    return AccountList(items=tuple(AccountItem.model_validate(each) for each in found))


async def create_account(asked: Asked[WantedAccount, Nothing]) -> AccountAnswer:
    """Let somebody in, with a role that has nothing one lacks oneself."""
    wanted = NewUser(**asked.body.model_dump(exclude={"password"}))
    made = await asked.services.crm.accounts.create_user(
        asked.principal, wanted, asked.body.password
    )
    return _answer(made)


async def change_account(asked: Asked[AccountChange, Nothing]) -> AccountAnswer:
    """Change somebody; with the role or `active` the sessions end."""
    made = await asked.services.crm.accounts.update_user(asked.principal, int(asked.id), asked.body)
    if not made.active:
        asked.door.close_pages(lambda page: page.user_id == made.id)
    return _answer(made)


async def give_password(asked: Asked[GivenPassword, Nothing]) -> None:
    """Set somebody else's password, which is to be changed at the next log-in."""
    user_id = int(asked.id)
    await asked.services.crm.accounts.set_password(asked.principal, user_id, asked.body.password)
    asked.door.close_pages(lambda page: page.user_id == user_id)


async def reset_second_factor(asked: Asked[Nothing, Nothing]) -> None:
    """Forget the authenticator of somebody who has lost it."""
    user_id = int(asked.id)
    await asked.services.crm.accounts.second_factor.reset(asked.principal, user_id)
    asked.door.close_pages(lambda page: page.user_id == user_id)


def _answer(user: User) -> AccountAnswer:
    return AccountAnswer(user=AccountItem.model_validate(user))


_MANAGE = needs(Right.USER_MANAGE)
_USER = f"/api/users/{NUMBER}"

ROUTES = (
    Route("GET", "/api/users", accounts, _MANAGE, query=AccountQuery, answer=AccountList),
    Route(
        "POST",
        "/api/users",
        create_account,
        _MANAGE,
        WantedAccount,
        answer=AccountAnswer,
        status=201,
    ),
    Route("PATCH", _USER, change_account, _MANAGE, AccountChange, answer=AccountAnswer),
    Route("POST", f"{_USER}/password", give_password, _MANAGE, GivenPassword, status=204),
    Route("DELETE", f"{_USER}/totp", reset_second_factor, _MANAGE, status=204),
)

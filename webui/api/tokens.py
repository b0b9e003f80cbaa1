"""Service tokens: made (and shown once), listed, revoked. Rule: a token makes no tokens."""

from datetime import datetime

from pydantic import Field

from crm_core.people.tokens import NewToken, TokenQuery
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Needs, Route, needs
from webui.views import View


class WantedToken(Model, NewToken):
    """A new token with some of one's own rights."""


class TokenPage(Model, TokenQuery):
    """A page of tokens."""


class TokenItem(View):
    id: int
    name: str
    prefix: str
    rights: tuple[str, ...]
    created_by: int
    creator: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class TokenList(View):
    """`known_rights` are the scopes that one may give."""

    items: tuple[TokenItem, ...]
    known_rights: tuple[str, ...]


class MadeToken(View):
    token: str = Field(description="for `Authorization: Bearer`; shown this once")
    item: TokenItem


async def tokens(asked: Asked[Nothing, TokenPage]) -> TokenList:
    """All tokens, the newest first, also those that are over."""
    found = await asked.services.crm.tokens.all(asked.principal, asked.query)
    return TokenList(
        items=tuple(TokenItem.model_validate(each) for each in found),
        known_rights=tuple(sorted(asked.principal.rights)),
    )


async def create_token(asked: Asked[WantedToken, Nothing]) -> MadeToken:
    """Make a token that acts for oneself with these rights."""
    made, token = await asked.services.crm.tokens.create(asked.principal, asked.body)
    return MadeToken(token=token, item=TokenItem.model_validate(made))


async def revoke_token(asked: Asked[Nothing, Nothing]) -> None:
    """Revoke a token; it is refused from its next request."""
    await asked.services.crm.tokens.revoke(asked.principal, int(asked.id))


_MANAGE = needs(Right.TOKEN_MANAGE)
_MAKE = Needs(any_of=frozenset({Right.TOKEN_MANAGE}), by_token=False)

ROUTES = (
    Route("GET", "/api/tokens", tokens, _MANAGE, query=TokenPage, answer=TokenList),
    Route("POST", "/api/tokens", create_token, _MAKE, WantedToken, answer=MadeToken, status=201),
    Route("DELETE", f"/api/tokens/{NUMBER}", revoke_token, _MANAGE, status=204),
)

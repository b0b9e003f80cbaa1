"""One's own second factor: enrol an authenticator, confirm it, switch it off."""

from typing import Annotated

import segno
from pydantic import Field, StringConstraints

from webui.api.session import Password
from webui.asked import Asked, Model, Nothing
from webui.routing import BROWSER, ENROLMENT, Route
from webui.views import View

Code = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class FirstCode(Model):
    code: Code


class SwitchOff(Model):
    password: Password
    code: Code


class EnrolmentView(View):
    secret: str = Field(description="to be typed into an authenticator; shown once")
    uri: str = Field(description="the same as a link")
    qr: str = Field(description="the link as a QR code, an SVG image in a data address")


class RecoveryView(View):
    codes: tuple[str, ...] = Field(description="each lets one in once; shown once")


async def enrol(asked: Asked[Nothing, Nothing]) -> EnrolmentView:
    """A new secret; it counts once its first code has been sent."""
    made = await asked.services.crm.accounts.second_factor.begin(asked.principal)
    qr = segno.make(made.uri, error="m").svg_data_uri(scale=4, border=2)
    return EnrolmentView(secret=made.secret, uri=made.uri, qr=qr)


async def confirm(asked: Asked[FirstCode, Nothing]) -> RecoveryView:
    """Switch it on with its first code; one's other sessions end."""
    who = asked.principal
    codes = await asked.services.crm.accounts.second_factor.confirm(who, asked.body.code)
    asked.door.close_pages(
        lambda page: page.user_id == who.user_id and page.session_id != who.session_id
    )
    return RecoveryView(codes=codes)


async def switch_off(asked: Asked[SwitchOff, Nothing]) -> None:
    """Switch it off, with password and code."""
    await asked.services.crm.accounts.second_factor.switch_off(
        asked.principal, asked.body.password, asked.body.code
    )


_PATH = "/api/session/totp"

ROUTES = (
    Route("POST", _PATH, enrol, ENROLMENT, answer=EnrolmentView, status=201),
    Route("PUT", _PATH, confirm, ENROLMENT, FirstCode, answer=RecoveryView),
    Route("POST", f"{_PATH}/disable", switch_off, BROWSER, SwitchOff, status=204),
)

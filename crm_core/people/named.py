"""What units and groups share: their names are unique, and of two edits at once one is refused."""

from typing import Annotated, Any

from pydantic import Field
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.errors import Conflict
from crm_core.fields import Text

Name = Annotated[Text, Field(min_length=1, max_length=50)]
Id = Annotated[int, Field(ge=1, le=2_147_483_647)]


def check_version(now: int, wanted: int) -> None:
    if now != wanted:
        raise Conflict(
            "Somebody else has changed this since you opened it: look again.",
            fields={"version": now},
        )


async def write(session: AsyncSession, statement: Any) -> int:
    try:
        written: int | None = (await session.execute(statement)).scalar_one_or_none()
    except IntegrityError as error:
        raise Conflict(
            "This name is taken: choose another one.", fields={"name": "taken"}
        ) from error
    if written is None:
        raise Conflict("Somebody else has changed this since you opened it: look again.")
    return written

"""What the sections of the line plan are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Number = Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{3,20}$")]
Seconds = Annotated[float, Field(ge=0, le=86_400)]


class Plan(BaseModel):
    """A section; what it does not know it refuses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

"""What the line says in words of the line file: always in both languages."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]
KEYS = "0123456789*#"


class LinePart(BaseModel):
    """A part of the line file; what it does not know it refuses."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Say(LinePart):
    """What is spoken, by language."""

    zh: Text
    en: Text

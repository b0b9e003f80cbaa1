"""What a customer may change by a link. Rule: bounded and plain text, since whoever has the link may ask."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from crm_core.fields import Command, Text, Versioned
from orders.sales.commands import Day


class NewAddress(Command):
    """Where it is to go instead. Without `recipient` or `phone` these stay as they are."""

    recipient: Annotated[Text, Field(min_length=1, max_length=50)] | None = None
    phone: Annotated[Text, Field(min_length=5, max_length=32)] | None = None
    province: Annotated[Text, Field(min_length=2, max_length=20)]
    city: Annotated[Text, Field(min_length=2, max_length=20)]
    district: Annotated[Text, Field(min_length=1, max_length=30)] | None = None
    street: Annotated[Text, Field(min_length=2, max_length=200)]
    version: Annotated[int, Field(ge=0, le=999_999_999)]


class CustomerChange(Versioned):
    """What is given is changed. A `note` is added to what stands there."""

    wanted_on: Day | None = None
    address: NewAddress | None = None
    note: Annotated[Text, Field(min_length=1, max_length=200)] | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.wanted_on is None and self.address is None and self.note is None:
            raise ValueError("give a day, an address or a note")
        return self

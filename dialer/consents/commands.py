"""What may be asked of consents."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from crm_core.fields import PAGE, CallId, Command, Id, Limit, Moment, Number, Text

Proof = Annotated[Text, Field(min_length=1, max_length=500)]
Reference = Annotated[Text, Field(min_length=1, max_length=200)]


class NewConsent(Command):
    """Of a number, or of a customer for all numbers; for every campaign, or one. What was said, a call or a paper proves it."""

    number: Number | None = None
    customer_id: Id | None = None
    campaign_id: Id | None = None
    proof: Proof | None = None
    call_id: CallId | None = None
    reference: Reference | None = None
    given_at: Moment
    expires_at: Moment | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.number is None and self.customer_id is None:
            raise ValueError("whose consent is it? give a number or a customer")
        if self.proof is None and self.call_id is None and self.reference is None:
            raise ValueError("what proves it? give what was said, a call or a paper")
        if self.expires_at is not None and self.expires_at <= self.given_at:
            raise ValueError("it is over before it was given")
        return self


class Withdrawal(Command):
    """Why it does not hold any more."""

    reason: Reference


class ConsentQuery(Command):
    """The newest first; `over` adds those that hold no more."""

    number: Number | None = None
    customer_id: Id | None = None
    over: bool = False
    limit: Limit = PAGE
    before: Id | None = None

"""What a connector is. Rule: it maps and asks; what follows from it is decided outside its folder.

A connector says of each refusal whether asking again can help (`ConnectorError.permanent`), and `send` and `cancel`
may be repeated: they look what is there first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from crm_core.fields import Id, Text
from orders.connections.errors import SignatureRefused
from orders.connections.outgoing import Outgoing
from orders.connections.papers import Changes, LeavingOrder, OutsideCount, OutsideOrder, Place


class Part(BaseModel):
    """Settings or secrets of a connector, and nothing besides."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ShopRules(Part):
    """By which rules orders from outside become ours.

    `buyers`: an unknown buyer becomes a customer of `level_code`, who may order for `credit_limit` without a
    review, or is refused; with `customer_id` all orders
    are that customer's. `prices`: our own, or those agreed there. `tolerance`: by how much the two totals may
    differ before a person must look.
    """

    buyers: Literal["create", "refuse"] = "create"
    customer_id: Id | None = None
    level_code: Annotated[Text, Field(min_length=1, max_length=30)] = "consumer"
    price_policy_code: Annotated[Text, Field(min_length=1, max_length=30)] = "list"
    credit_limit: Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)] = Decimal(0)
    prices: Literal["own", "shop"] = "shop"
    tolerance: Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=2)] = Decimal(0)
    payment_paid: Annotated[Text, Field(max_length=20)] | None = None
    payment_unpaid: Annotated[Text, Field(max_length=20)] | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """A request that came in; `nonce` is what no second request may have."""

    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Received:
    nonce: str
    paper: OutsideOrder


class Client(Protocol):
    """One connection while it is used."""

    async def receive(self, request: Signed, now: datetime) -> Received:
        """Raises SignatureRefused, ConnectorError (the paper is none)."""
        ...

    def answer(self, error: str | None) -> tuple[str, bytes]:
        """Content type and body by which the sender knows whether its paper was taken."""
        ...

    async def send(self, order: LeavingOrder) -> str:
        """Entered, or made what it is now. Their name of it. Raises ConnectorError."""
        ...

    async def cancel(self, number: str) -> bool:
        """Whether it was there; it is not to be carried out. Raises ConnectorError."""
        ...

    async def states(self, place: Place) -> Changes:
        """The next page of what changed there, the earliest first. Raises ConnectorError."""
        ...

    async def counts(self, codes: Sequence[str]) -> Sequence[OutsideCount]:
        """All of them, or none. Raises ConnectorError."""
        ...


class SendsNothingHere:
    """For a client whose other side is only asked."""

    async def receive(self, request: Signed, now: datetime) -> Received:
        del request, now
        raise SignatureRefused("this kind of connection sends no papers here")

    def answer(self, error: str | None) -> tuple[str, bytes]:
        return "text/plain", (error or "").encode()


@dataclass(frozen=True, slots=True)
class Connector:
    """A kind of connection. `receives`, `sends`, `counts`: what its other side can do; `changes`: orders that left
    are changed and cancelled there.
    """

    kind: str
    about: str
    settings: type[Part]
    secrets: type[Part]
    client: Callable[..., Client]
    receives: bool = False
    sends: bool = False
    counts: bool = False
    changes: bool = False

    def open(
        self, settings: Part, secrets: Part, outgoing: Outgoing, clock: Callable[[], datetime]
    ) -> Client:
        return self.client(settings, secrets, outgoing, clock)

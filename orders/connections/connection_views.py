"""Connections, codes and papers as people see them. Rule: no secret is ever shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from crm_core.fields import PAGE, Command, Id, Limit, Text, Versioned
from orders.sales.flow import Status

ConnectionCodeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
Kind = Annotated[str, Field(min_length=1, max_length=20)]
Name = Annotated[Text, Field(min_length=1, max_length=50)]
Values = Annotated[dict[Annotated[Text, Field(max_length=40)], Any], Field(max_length=40)]
Theirs = Annotated[Text, Field(min_length=1, max_length=100)]
_LONGEST_ID = 9_007_199_254_740_991


class NewConnection(Command):
    """`settings` and `secrets` are what its kind asks for."""

    code: ConnectionCodeName
    kind: Kind
    name: Name
    settings: Values
    secrets: Values
    send_on: frozenset[Status] = frozenset()


class ChangedConnection(Versioned):
    """The whole connection anew; without `secrets` those that it has."""

    name: Name
    settings: Values
    secrets: Values | None = None
    send_on: frozenset[Status] = frozenset()
    active: bool = True


class NewCode(Command):
    """What a product (in a unit) or a customer of ours is called there."""

    theirs: Theirs
    sku: Annotated[Text, Field(min_length=1, max_length=40)] | None = None
    unit: Annotated[Text, Field(min_length=1, max_length=20)] | None = None
    customer_id: Id | None = None


class OldCode(Command):
    kind: Literal["product", "customer"]
    theirs: Theirs


class CodeQuery(Command):
    """`after`: the last `theirs` of the page before."""

    kind: Literal["product", "customer"] = "product"
    after: Annotated[Text, Field(max_length=100)] = ""
    limit: Limit = PAGE


class PaperQuery(Command):
    """`q` is a number of theirs or ours; `before` the last paper of the page before this one."""

    connection_id: Id | None = None
    state: Annotated[str, Field(pattern="^(pending|working|done|ignored|refused)$")] | None = None
    q: Annotated[Text, Field(max_length=100)] = ""
    before: Annotated[int, Field(ge=1, le=_LONGEST_ID)] | None = None
    limit: Limit = PAGE


class CountQuery(Command):
    """`after`: the last sku of the page before."""

    after: Annotated[Text, Field(max_length=40)] = ""
    limit: Limit = PAGE


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """`refused` counts papers that wait for a person."""

    id: int
    code: str
    kind: str
    name: str
    settings: Mapping[str, Any]
    send_on: tuple[str, ...]
    active: bool
    asked_at: datetime | None
    waiting: int
    refused: int
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CodeView:
    kind: str
    theirs: str
    sku: str | None
    unit: str | None
    customer_id: int | None


@dataclass(frozen=True, slots=True)
class PaperView:
    id: int
    connection_id: int
    direction: str
    kind: str
    outside_key: str
    version: int
    state: str
    code: str | None
    reason: str | None
    flags: tuple[Mapping[str, Any], ...]
    attempts: int
    next_at: datetime
    received_at: datetime
    finished_at: datetime | None
    order_id: int | None


@dataclass(frozen=True, slots=True)
class WholePaper:
    """With what stood in it."""

    paper: PaperView
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CountView:
    """How many are there and how many we count; `difference` is theirs less ours."""

    sku: str
    ours: int
    theirs: Decimal
    difference: Decimal
    at: datetime

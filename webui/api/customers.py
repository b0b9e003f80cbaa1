"""Customers: found, looked at, entered and changed, merged; where they stand in the channel."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from crm_core.customers.criteria import Conditions
from crm_core.customers.fields import CustomerFields, NewCustomer
from crm_core.customers.search import CustomerHit
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.fields import CallId, Id, Moment, Text
from crm_core.rights import Right
from crm_core.timeline import Place
from webui.asked import Asked, Model, Nothing
from webui.board import facts_of
from webui.cards import read_card
from webui.present import customer_view, masked_text
from webui.routing import NUMBER, Route, needs
from webui.views import CustomerView, View

Version = Annotated[int, Field(ge=1, le=2_000_000_000)]


class QuickSearch(Model):
    q: Annotated[Text, Field(max_length=100)] = ""
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class WantedSearch(Model):
    """Every condition must hold; `after` is the one that the page before gave."""

    conditions: Conditions = ()
    saved_id: Id | None = None
    order: Literal["newest", "name"] = "newest"
    after: Id | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    count: bool = False


class WantedCustomer(Model, NewCustomer):
    """Without `phones` the number of the call is taken, which its reader may not be able to see. `lead_id`: the
    caller, on one's own screen, is this lead, which is converted.
    """

    call_id: CallId | None = None
    lead_id: Id | None = None


class WantedCall(Model):
    """A call on one's own screen whose caller nobody knew."""

    call_id: CallId


class CustomerChange(Model, CustomerFields):
    """Only the fields that are given are changed; `version` is the one they were made from."""

    version: Version


class WantedMerge(Model):
    """The other record, which becomes part of this one; the versions are those that were looked at."""

    version: Version
    dropped_id: Id
    dropped_version: Version


class BelowPage(Model):
    after: Id | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class MovePage(Model):
    """`before`: the last move of the page before this one."""

    before: Id | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class CustomerItem(View):
    ENTITY = "customer"
    SAME_FIELD: ClassVar = {"level_code": "level", "number": "phones"}

    id: int
    name: str
    level_code: str | None = None
    number: str | None = None
    province: str | None = None
    city: str | None = None
    salesperson: str | None = None


class CustomerList(View):
    items: tuple[CustomerItem, ...]


class FoundCustomers(CustomerList):
    """`after` asks for the next page; `total` counts up to 10,000, only when asked."""

    after: int | None
    total: int | None


class BelowList(CustomerList):
    after: int | None
    in_all: int


class CustomerAnswer(View):
    customer: CustomerView


class FieldItem(View):
    """A field to search by, with the operators it has."""

    field: str
    operators: tuple[str, ...]


class FieldList(View):
    items: tuple[FieldItem, ...]


class MoveItem(View):
    ENTITY = "customer"
    SAME_FIELD: ClassVar = {
        "from_parent_id": "parent",
        "from_parent": "parent",
        "to_parent_id": "parent",
        "to_parent": "parent",
        "from_level_code": "level",
        "to_level_code": "level",
        "from_salesperson": "salesperson",
        "to_salesperson": "salesperson",
    }

    id: int
    at: datetime
    actor: str | None
    from_parent_id: int | None = None
    from_parent: str | None = None
    to_parent_id: int | None = None
    to_parent: str | None = None
    from_level_code: str | None = None
    to_level_code: str | None = None
    from_salesperson: str | None = None
    to_salesperson: str | None = None


class MoveList(View):
    items: tuple[MoveItem, ...]


class TimelinePage(Model):
    """Entries before this time, or after what the page before gave; without them the newest."""

    before: Moment | None = None
    after: Annotated[Text, Field(max_length=200)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class TimelineItem(View):
    """Something that happened; `kind` is such as order.placed, `reference` names the record."""

    at: datetime
    kind: str
    reference: str
    title: str
    params: dict[str, str]
    actor: str | None

    def own_fields(self) -> frozenset[str]:
        return _TOLD_BY_KIND.get(self.kind.partition(".")[0], frozenset())


_TOLD_BY_KIND: Mapping[str, frozenset[str]] = {
    "complaint": frozenset({"customer.complaints", "complaint.description"}),
    "customer": frozenset({"customer.parent", "customer.level"}),
    "notice": frozenset({"customer.notices"}),
    "order": frozenset({"customer.last_orders"}),
    "todo": frozenset({"customer.todos"}),
}
"""The fields, of the customer's card above all, that an entry of the timeline stands for."""


class Timeline(View):
    """`after` asks for the next page, None when this is the last."""

    items: tuple[TimelineItem, ...]
    after: str | None


class MergeItem(View):
    id: int
    kept_id: int
    dropped_id: int
    at: datetime
    actor_id: int | None
    undone_at: datetime | None


class MergeList(View):
    items: tuple[MergeItem, ...]


class MergeAnswer(View):
    merge: MergeItem


async def quick(asked: Asked[Nothing, QuickSearch]) -> CustomerList:
    """Customers by a part of the name, its pinyin or initials, or of a number."""
    query, crm = asked.query, asked.services.crm
    found = await crm.search.quick(asked.principal, query.q, query.limit)
    return CustomerList(items=_items(found, asked))


async def search(asked: Asked[WantedSearch, Nothing]) -> FoundCustomers:
    """Customers by any combination of fields, page by page."""
    body, crm, who = asked.body, asked.services.crm, asked.principal
    conditions = body.conditions
    if body.saved_id is not None:
        conditions += await crm.search.conditions_of(who, body.saved_id)
    found = await crm.search.find(
        who, conditions, order=body.order, after=body.after, limit=body.limit, count=body.count
    )
    return FoundCustomers(items=_items(found.hits, asked), after=found.after, total=found.total)


async def fields(asked: Asked[Nothing, Nothing]) -> FieldList:
    """What customers can be searched by; custom fields are `custom.` and their code."""
    found = await asked.services.crm.search.fields(asked.principal)
    return FieldList(
        items=tuple(
            FieldItem(field=name, operators=tuple(sorted(operators)))
            for name, operators in found.items()
        )
    )


async def show(asked: Asked[Nothing, Nothing]) -> CustomerAnswer:
    """One customer with the latest orders."""
    card = await asked.services.crm.customers.get(asked.principal, int(asked.id))
    return await _answer(asked, card.id)


async def create(asked: Asked[WantedCustomer, Nothing]) -> CustomerAnswer:
    """Enter a customer; with `call_id` the call and its pop know the customer from then on."""
    wanted = asked.body
    given = wanted.model_dump(exclude_unset=True, exclude={"call_id", "lead_id"})
    if not wanted.phones:
        given["phones"] = (_caller(asked),)
    new = NewCustomer.model_validate(given)
    crm, who = asked.services.crm, asked.principal
    if wanted.lead_id is None:
        card = await crm.customers.create(who, new)
    else:
        caller = _number_on_screen(asked)
        card = await crm.leads.become(who, wanted.lead_id, new, caller=caller)
    if wanted.call_id is not None:
        asked.door.live.link_customer(wanted.call_id, card)
    return await _answer(asked, card.id)


async def link_call(asked: Asked[WantedCall, Nothing]) -> CustomerAnswer:
    """The caller is this customer: the call and its pop know it, and its number becomes the customer's."""
    crm, who, door = asked.services.crm, asked.principal, asked.door
    call_id, customer_id = asked.body.call_id, int(asked.id)
    call = door.live.on_screen(who.user_id, call_id)
    if call is None:
        raise NotFound("This call is not on your screen (any more).")
    card = await crm.customers.get(who, customer_id)
    if call.customer_id not in (None, card.id):
        raise Conflict("This caller is known as another customer already.")
    if call.caller is not None:
        card = await crm.customers.add_phone(who, card.id, call.caller)
    door.live.link_customer(call_id, card)
    return await _answer(asked, card.id)


async def change(asked: Asked[CustomerChange, Nothing]) -> CustomerAnswer:
    """Change some fields; 409 when somebody else has changed the record since."""
    given = asked.body.model_dump(exclude_unset=True, exclude={"version"})
    card = await asked.services.crm.customers.update(
        asked.principal,
        int(asked.id),
        asked.body.version,
        CustomerFields.model_validate(given),
    )
    asked.door.live.customer_changed(card.id)
    return await _answer(asked, card.id)


async def below(asked: Asked[Nothing, BelowPage]) -> BelowList:
    """Those directly below in the channel."""
    query = asked.query
    found = await asked.services.crm.family.below(
        asked.principal, int(asked.id), after=query.after, limit=query.limit
    )
    return BelowList(items=_items(found.hits, asked), after=found.after, in_all=found.in_all)


async def moves(asked: Asked[Nothing, MovePage]) -> MoveList:
    """Where the customer stood before, the latest move first."""
    query = asked.query
    found = await asked.services.crm.family.moves(
        asked.principal, int(asked.id), before=query.before, limit=query.limit
    )
    return MoveList(items=tuple(MoveItem.model_validate(each) for each in found))


async def timeline(asked: Asked[Nothing, TimelinePage]) -> Timeline:
    """Calls, orders, complaints, to-dos and moves, the newest first."""
    query, services = asked.query, asked.services
    newest = Place(query.before or services.clock() + timedelta(seconds=1))
    told = await services.crm.history.timeline(
        asked.principal,
        int(asked.id),
        after=Place.read(query.after) if query.after else newest,
        limit=query.limit,
    )
    return Timeline(
        after=str(told[-1].entry.place) if len(told) == query.limit else None,
        items=tuple(
            TimelineItem(
                at=each.entry.at,
                kind=each.entry.kind,
                reference=each.entry.reference,
                title=each.entry.title,
                params=dict(each.entry.params),
                actor=each.actor,
            )
            for each in told
        ),
    )


async def duplicates(asked: Asked[Nothing, Nothing]) -> CustomerList:
    """Customers that may be the same one."""
    found = await asked.services.crm.family.duplicates(asked.principal, int(asked.id))
    return CustomerList(items=_items(found, asked))


async def merges(asked: Asked[Nothing, Nothing]) -> MergeList:
    """The merges this customer took part in."""
    found = await asked.services.crm.merging.of_customer(asked.principal, int(asked.id))
    return MergeList(items=tuple(MergeItem.model_validate(each) for each in found))


async def merge(asked: Asked[WantedMerge, Nothing]) -> MergeAnswer:
    """Make another record part of this one; it can be undone."""
    body = asked.body
    made = await asked.services.crm.merging.merge(
        asked.principal,
        (int(asked.id), body.version),
        (body.dropped_id, body.dropped_version),
    )
    asked.door.live.customer_changed(made.kept_id)
    return MergeAnswer(merge=MergeItem.model_validate(made))


async def undo_merge(asked: Asked[Nothing, Nothing]) -> MergeAnswer:
    """Make two customers of one again."""
    undone = await asked.services.crm.merging.undo(asked.principal, int(asked.id))
    asked.door.live.customer_changed(undone.kept_id)
    return MergeAnswer(merge=MergeItem.model_validate(undone))


def _number_on_screen(asked: Asked[WantedCustomer, Nothing]) -> str:
    call = asked.door.live.on_screen(asked.principal.user_id, asked.body.call_id or "")
    if call is None or call.caller is None:
        raise NotFound("There is no caller with a number on your screen (any more).")
    return call.caller


def _caller(asked: Asked[WantedCustomer, Nothing]) -> str:
    call_id = asked.body.call_id
    call = None
    if call_id is not None:
        call = facts_of(asked.services.acd, call_id) or asked.door.live.shown(call_id)
    if call is None or call.caller is None:
        raise Invalid("A customer needs a telephone number.", fields={"phones": "missing"})
    return call.caller


async def _answer(asked: Asked[Model, Nothing], customer_id: int) -> CustomerAnswer:
    card = await read_card(asked.services.crm, asked.services.trade.orders, customer_id)
    if card is None:
        raise NotFound(f"There is no customer {customer_id}.")
    return CustomerAnswer(customer=customer_view(card, asked.principal.rights))


def _items(hits: tuple[CustomerHit, ...], asked: Asked[Model, Model]) -> tuple[CustomerItem, ...]:
    rights = asked.principal.rights
    return tuple(
        CustomerItem.model_validate(hit).model_copy(
            update={"number": masked_text(hit.number, rights)}
        )
        for hit in hits
    )


_VIEW, _EDIT = needs(Right.CUSTOMER_VIEW), needs(Right.CUSTOMER_EDIT)
_ANY_EDIT = needs(Right.CUSTOMER_EDIT, Right.CUSTOMER_TERMS, Right.CHANNEL_MANAGE)
_MERGE = needs(Right.CUSTOMER_MERGE)
_ONE = f"/api/customers/{NUMBER}"

ROUTES = (
    Route("GET", "/api/customers", quick, _VIEW, query=QuickSearch, answer=CustomerList),
    Route("POST", "/api/customers/search", search, _VIEW, WantedSearch, answer=FoundCustomers),
    Route("GET", "/api/customers/fields", fields, _VIEW, answer=FieldList),
    Route(
        "POST",
        "/api/customers",
        create,
        _EDIT,
        WantedCustomer,
        answer=CustomerAnswer,
        status=201,
        once=True,
    ),
    Route("GET", _ONE, show, _VIEW, answer=CustomerAnswer),
    Route("PATCH", _ONE, change, _ANY_EDIT, CustomerChange, answer=CustomerAnswer),
    Route("POST", f"{_ONE}/link-call", link_call, _EDIT, WantedCall, answer=CustomerAnswer),
    Route("GET", f"{_ONE}/below", below, _VIEW, query=BelowPage, answer=BelowList),
    Route("GET", f"{_ONE}/moves", moves, _VIEW, query=MovePage, answer=MoveList),
    Route("GET", f"{_ONE}/timeline", timeline, _VIEW, query=TimelinePage, answer=Timeline),
    Route("GET", f"{_ONE}/duplicates", duplicates, _VIEW, answer=CustomerList),
    Route("GET", f"{_ONE}/merges", merges, _VIEW, answer=MergeList),
    Route(
        "POST",
        f"{_ONE}/merge",
        merge,
        _MERGE,
        WantedMerge,
        answer=MergeAnswer,
        status=201,
        once=True,
    ),
    Route("POST", f"/api/merges/{NUMBER}/undo", undo_merge, _MERGE, answer=MergeAnswer),
)

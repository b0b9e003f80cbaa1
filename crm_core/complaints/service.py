"""Complaints (投诉): entered, taken, resolved, closed, reported on.

Rule: every change is one transaction with its step and its audit entry; who may do what, and in which
state, stands in `flow`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.complaints import categories, flow, lists, moving, report, timeline, writing
from crm_core.complaints.category_service import CategoryService
from crm_core.complaints.commands import (
    Assign,
    Close,
    Comment,
    ComplaintEdit,
    ComplaintQuery,
    NewComplaint,
    OverdueQuery,
    Reason,
    ReportQuery,
    Resolve,
    StepQuery,
)
from crm_core.complaints.flow import Action, State
from crm_core.complaints.moving import Change
from crm_core.complaints.ports import IsOrderOf, any_order
from crm_core.complaints.report import ReportLine
from crm_core.complaints.views import ComplaintBrief, ComplaintView, StepView
from crm_core.complaints.writing import Step
from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.errors import Invalid
from crm_core.rights import Actor, Right, may_write
from crm_core.timeline import Place, TimelineEntry

log = structlog.get_logger(__name__)


class ComplaintService:
    """The complaints' side of the SQL core.

    Every change may raise Forbidden, NotFound, Conflict (edited since), MoveNotAllowed, Invalid and
    DatabaseUnavailable.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        is_order_of: IsOrderOf = any_order,
    ) -> None:
        self._database = database
        self._clock = clock
        self._is_order_of = is_order_of
        self.categories = CategoryService(database)

    async def create(self, actor: Actor, new: NewComplaint) -> ComplaintView:
        """It is due after the hours of its category."""
        actor.require(Right.COMPLAINT_WORK)
        actor.require_write(writing.ENTITY, sorted(new.model_fields_set))
        now = self._clock()
        async with self._database.begin() as session:
            customer_id = await must_see(session, actor, new.customer_id)
            await self._check_order(session, new.order_number, customer_id)
            hours = await categories.handling_hours(session, new.category_code, must_be_active=True)
            values = new.model_dump() | {
                "customer_id": customer_id,
                "entered_by_id": actor.user_id,
                "due_at": now + timedelta(hours=hours),
                "created_at": now,
                "started_at": now,
                "updated_at": now,
            }
            complaint_id = await writing.add(session, actor, values)
            entered = Step("state", to_state=State.OPEN)
            await writing.add_step(session, actor, complaint_id, entered, now)
            complaint = await writing.read(session, actor, complaint_id, now)
        return _logged(complaint, "create", actor)

    async def edit(self, actor: Actor, complaint_id: int, edit: ComplaintEdit) -> ComplaintView:
        """Until it is handled; another category brings its own due time."""
        actor.require(Right.COMPLAINT_WORK)
        now = self._clock()
        values = edit.model_dump(exclude_unset=True, exclude={"version"})
        actor.require_write(writing.ENTITY, sorted(values))
        async with self._database.begin() as session:
            complaint = await writing.held(session, actor, complaint_id, now)
            flow.check_unhandled(complaint.state)
            writing.check_version(complaint, edit.version)
            await self._check_order(session, values.get("order_number"), complaint.customer_id)
            if values.get("category_code", complaint.category_code) != complaint.category_code:
                hours = await categories.handling_hours(
                    session, edit.category_code, must_be_active=True
                )
                values["due_at"] = complaint.started_at + timedelta(hours=hours)
            complaint = await writing.write(
                session, actor, complaint, "edit", values=values, step=Step("edit"), now=now
            )
        return _logged(complaint, "edit", actor)

    async def comment(self, actor: Actor, complaint_id: int, given: Comment) -> None:
        """Add to the log, in whatever state."""
        actor.require(Right.COMPLAINT_WORK)
        now = self._clock()
        async with self._database.begin() as session:
            await writing.read(session, actor, complaint_id, now)
            step = Step("comment", text=given.text)
            await writing.add_step(session, actor, complaint_id, step, now)
            await writing.record_comment(session, actor, complaint_id)

    async def take(self, actor: Actor, complaint_id: int) -> ComplaintView:
        """The actor becomes its handler; of several who take it at once, one does."""
        if actor.user_id is None:
            raise Invalid("Only a person takes a complaint.", fields={"handler_id": "missing"})
        change = Change(Action.TAKE, handler_id=actor.user_id)
        return await self._move(actor, complaint_id, change)

    async def assign(self, actor: Actor, complaint_id: int, given: Assign) -> ComplaintView:
        """Give it to a handler, or to another one."""
        change = Change(
            Action.ASSIGN, given.version, handler_id=given.handler_id, text=given.comment
        )
        return await self._move(actor, complaint_id, change)

    async def resolve(self, actor: Actor, complaint_id: int, given: Resolve) -> ComplaintView:
        """What was agreed before a reopening goes, unless the actor may not write it and does not."""
        values = given.model_dump(include={"resolution", "compensation"})
        if not may_write(actor, writing.ENTITY, "compensation") and given.compensation is None:
            del values["compensation"]
        actor.require_write(writing.ENTITY, sorted(values))
        change = Change(Action.RESOLVE, given.version, values, text=given.resolution)
        return await self._move(actor, complaint_id, change)

    async def close(self, actor: Actor, complaint_id: int, given: Close) -> ComplaintView:
        """The customer has been asked."""
        values = given.model_dump(include={"satisfaction"}, exclude_none=True)
        actor.require_write(writing.ENTITY, sorted(values))
        change = Change(Action.CLOSE, given.version, values, text=given.comment)
        return await self._move(actor, complaint_id, change)

    async def reopen(self, actor: Actor, complaint_id: int, given: Reason) -> ComplaintView:
        """It is due anew, after the hours of its category."""
        change = Change(Action.REOPEN, given.version, text=given.reason)
        return await self._move(actor, complaint_id, change)

    async def reject(self, actor: Actor, complaint_id: int, given: Reason) -> ComplaintView:
        actor.require_write(writing.ENTITY, ["resolution"])
        values = {"resolution": given.reason}
        change = Change(Action.REJECT, given.version, values, text=given.reason)
        return await self._move(actor, complaint_id, change)

    async def get(self, actor: Actor, complaint_id: int) -> ComplaintView:
        """Raises Forbidden, NotFound."""
        actor.require(Right.COMPLAINT_WORK)
        async with self._database.reading() as connection:
            return await writing.read(connection, actor, complaint_id, self._clock())

    async def steps(
        self, actor: Actor, complaint_id: int, wanted: StepQuery
    ) -> tuple[StepView, ...]:
        """What was done, oldest first. Raises Forbidden, NotFound."""
        actor.require(Right.COMPLAINT_WORK)
        async with self._database.reading() as connection:
            await writing.read(connection, actor, complaint_id, self._clock())
            return await lists.steps(connection, complaint_id, wanted)

    async def listed(self, actor: Actor, wanted: ComplaintQuery) -> tuple[ComplaintView, ...]:
        """The newest first. Raises Forbidden, NotFound (the customer)."""
        actor.require(Right.COMPLAINT_WORK)
        async with self._database.reading() as connection:
            if wanted.customer_id is not None:
                customer_id = await must_see(connection, actor, wanted.customer_id)
                wanted = wanted.model_copy(update={"customer_id": customer_id})
            return await lists.listed(connection, actor, wanted, self._clock())

    async def overdue(self, actor: Actor, wanted: OverdueQuery) -> tuple[ComplaintView, ...]:
        """The longest overdue first. Raises Forbidden."""
        actor.require(Right.COMPLAINT_WORK)
        async with self._database.reading() as connection:
            return await lists.overdue(connection, actor, wanted, self._clock())

    async def report(self, actor: Actor, wanted: ReportQuery) -> tuple[ReportLine, ...]:
        """Raises Forbidden, Invalid."""
        actor.require(Right.COMPLAINT_MANAGE)
        async with self._database.reading() as connection:
            return await report.report(connection, actor, wanted, self._clock())

    async def on_card(self, customer_id: int) -> tuple[ComplaintBrief, ...]:
        """For the card of a customer whom its reader may see: the five gravest, then the three handled
        last, of the last 90 days.
        """
        async with self._database.reading() as connection:
            return await lists.on_card(connection, customer_id, self._clock())

    async def entries(
        self,
        connection: AsyncConnection,
        customer_ids: Sequence[int],
        after: Place,
        limit: int,
    ) -> tuple[TimelineEntry, ...]:
        """The complaints in the history of customers whom its reader may see, newest first."""
        return await timeline.entries(connection, customer_ids, after, limit)

    async def _check_order(
        self, session: AsyncSession, number: str | None, customer_id: int
    ) -> None:
        """Raises Invalid."""
        if number and not await self._is_order_of(session, number, customer_id):
            raise Invalid(
                "This customer has no such order: look its number up.",
                fields={"order_number": "unknown"},
            )

    async def _move(self, actor: Actor, complaint_id: int, change: Change) -> ComplaintView:
        actor.require(flow.right_for(change.action))
        now = self._clock()
        async with self._database.begin() as session:
            complaint = await moving.move(session, actor, complaint_id, change, now)
        return _logged(complaint, change.action, actor)


def _logged(complaint: ComplaintView, action: str, actor: Actor) -> ComplaintView:
    log.info(
        "complaint_changed",
        complaint=complaint.id,
        action=action,
        state=complaint.state,
        by=actor.user_id,
    )
    return complaint

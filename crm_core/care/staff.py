"""Who does what a rule asks for.

Rule: a to-do always finds somebody who is at work here and may see the customer: without the one the rule
names it goes to the nearest supervisor above the salesperson.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.care.commands import AssignTo
from crm_core.care.due import DueCare
from crm_core.care.views import CareRuleView
from crm_core.todos import staff
from crm_core.todos.staff import Staff, Worker


async def assignee(
    session: AsyncSession, known: Staff, rule: CareRuleView, due: DueCare
) -> Worker | None:
    """None when nobody at work here may see the customer."""
    named = {AssignTo.SALESPERSON: due.salesperson_id, AssignTo.USER: rule.assignee_id}
    wanted = named.get(AssignTo(rule.assign_to))
    return await staff.nearest(session, known, wanted, due.salesperson_id, due.customer_id)

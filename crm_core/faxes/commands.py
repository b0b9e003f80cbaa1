"""What may be asked of faxes."""

from typing import Literal

from crm_core.fields import PAGE, Command, Id, Limit


class FaxQuery(Command):
    """`before`: the last fax of the page before this one."""

    direction: Literal["in", "out"] | None = None
    customer_id: Id | None = None
    before: Id | None = None
    limit: Limit = PAGE

"""What may be asked of accounting periods."""

from typing import Annotated

from pydantic import Field

from crm_core.fields import PAGE, Command, Id, Limit, Text, Versioned
from orders.sales.quote_commands import Day


class NewPeriod(Command):
    """`begins` is needed for the first one only; every other one begins where the last one ends."""

    begins: Day | None = None
    ends: Day


class PeriodQuery(Command):
    """The newest first, before the period `before`."""

    before: Id | None = None
    limit: Limit = PAGE


class ClosePeriod(Versioned):
    """With `despite` also when something of it is still open."""

    despite: bool = False


class ReopenPeriod(Versioned):
    reason: Annotated[Text, Field(min_length=1, max_length=200)]

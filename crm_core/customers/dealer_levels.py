"""Who is a dealer.

Rule: dealers stand at every step of the channel but the outermost one, at which people buy for themselves.
"""

from sqlalchemy import ColumnElement, and_, func, select

from crm_core.customers.tables import Customer, Level
from crm_core.customers.visibility import there


def dealer_levels() -> ColumnElement[bool]:
    """The condition on `levels` under which dealers stand at one."""
    return Level.rank < select(func.max(Level.rank)).correlate(None).scalar_subquery()


def is_dealer() -> ColumnElement[bool]:
    """The condition on `customers`; nobody who was merged or erased."""
    codes = select(Level.code).where(dealer_levels())
    return and_(Customer.level_code.in_(codes), *there())

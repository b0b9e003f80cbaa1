"""Who holds a right. Rule: only active people count."""

from typing import Any

from sqlalchemy import Select, select

from crm_core.people.tables import RoleRight, User
from crm_core.rights import Right


def holders(right: Right) -> Select[*tuple[Any, ...]]:
    """Active people whose role includes the right: id and name."""
    return (
        select(User.id, User.name)
        .join(RoleRight, RoleRight.role_code == User.role_code)
        .where(User.active, RoleRight.right_code == right)
    )

"""The services of the SQL core, made once for whoever composes a program of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from crm_core.bus import Bus
from crm_core.customers.service import CustomerService
from crm_core.db import Database
from crm_core.people.accounts import AccountService


@dataclass(frozen=True, slots=True)
class Crm:
    """One of each."""

    accounts: AccountService
    customers: CustomerService

    @classmethod
    def of(cls, database: Database, bus: Bus, clock: Callable[[], datetime]) -> Self:
        """None is started."""
        del bus
        return cls(
            accounts=AccountService(database, clock=clock),
            customers=CustomerService(database),
        )

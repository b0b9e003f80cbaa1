"""The services of the SQL core, made once for whoever composes a program of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from crm_core.bus import Bus
from crm_core.customers.channel import ChannelService
from crm_core.customers.custom_fields import CustomFieldService
from crm_core.customers.family import FamilyService
from crm_core.customers.merging import MergeService
from crm_core.customers.search import SearchService
from crm_core.customers.service import CustomerService
from crm_core.db import Database
from crm_core.people.accounts import AccountService
from crm_core.people.organisation import OrganisationService
from crm_core.people.roles import RoleService


@dataclass(frozen=True, slots=True)
class Crm:
    """One of each."""

    accounts: AccountService
    customers: CustomerService
    search: SearchService
    family: FamilyService
    channel: ChannelService
    merging: MergeService
    custom_fields: CustomFieldService
    roles: RoleService
    organisation: OrganisationService

    @classmethod
    def of(cls, database: Database, bus: Bus, clock: Callable[[], datetime]) -> Self:
        """None is started."""
        del bus
        return cls(
            accounts=AccountService(database, clock=clock),
            customers=CustomerService(database),
            search=SearchService(database),
            family=FamilyService(database),
            channel=ChannelService(database),
            merging=MergeService(database),
            custom_fields=CustomFieldService(database),
            roles=RoleService(database),
            organisation=OrganisationService(database),
        )

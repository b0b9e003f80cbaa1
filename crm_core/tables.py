"""Every table of the SQL core, for what looks at the schema as a whole. Rule: nothing else imports this."""

from crm_core.audit import tables as audit
from crm_core.benefits import tables as benefits
from crm_core.blacklist import tables as blacklist
from crm_core.care import tables as care
from crm_core.complaints import tables as complaints
from crm_core.customers import tables as customers
from crm_core.dealers import tables as dealers
from crm_core.exchange import tables as exchange
from crm_core.faxes import tables as faxes
from crm_core.insight import tables as insight
from crm_core.knowledge import tables as knowledge
from crm_core.leads import tables as leads
from crm_core.notices import tables as notices
from crm_core.outbox import tables as outbox
from crm_core.people import tables as people
from crm_core.pins import tables as pins
from crm_core.places import tables as places
from crm_core.privacy import tables as privacy
from crm_core.request_keys import tables as request_keys
from crm_core.todos import tables as todos

__all__ = [
    "audit",
    "benefits",
    "blacklist",
    "care",
    "complaints",
    "customers",
    "dealers",
    "exchange",
    "faxes",
    "insight",
    "knowledge",
    "leads",
    "notices",
    "outbox",
    "people",
    "pins",
    "places",
    "privacy",
    "request_keys",
    "todos",
]

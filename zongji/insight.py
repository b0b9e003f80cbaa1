"""Where insight looks in this house, for the daemon and the command line alike."""

from acd.contact_source import CallContacts
from crm_core.insight.ports import Sources
from orders.sales_source import OrderSales
from zongji.settings import Settings


def insight_sources(settings: Settings) -> Sources:
    """Sales are orders, conversations are calls, days are those of the company's zone."""
    return Sources(OrderSales(settings.zone), CallContacts(), settings.zone)

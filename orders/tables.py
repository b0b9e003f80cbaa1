"""Every table of orders, for what looks at the schema as a whole. Rule: nothing else imports this."""

from orders.aftersales.exceptions import tables as exceptions
from orders.aftersales.returns import tables as returns
from orders.catalogue import tables as catalogue
from orders.connections import tables as connections
from orders.delivery import run_tables as runs
from orders.delivery import tables as delivery
from orders.invoices import tables as invoices
from orders.payments import tables as payments
from orders.payments.debit import tables as debit
from orders.payments.statements import tables as statements
from orders.pricing import tables as pricing
from orders.progress import tables as progress
from orders.quotas import tables as quotas
from orders.receipts import tables as receipts
from orders.review import tables as review
from orders.sales import tables as sales
from orders.settlement import tables as settlement
from orders.settlement.periods import tables as periods
from orders.stock import tables as stock
from orders.stock.documents import tables as stock_documents
from orders.stock.planning import tables as stock_planning
from orders.suggestions import tables as suggestions

__all__ = [
    "catalogue",
    "connections",
    "debit",
    "delivery",
    "exceptions",
    "invoices",
    "payments",
    "periods",
    "pricing",
    "progress",
    "quotas",
    "receipts",
    "returns",
    "review",
    "runs",
    "sales",
    "settlement",
    "statements",
    "stock",
    "stock_documents",
    "stock_planning",
    "suggestions",
]

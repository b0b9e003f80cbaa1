"""Every table of orders, for what looks at the schema as a whole. Rule: nothing else imports this."""

from orders.catalogue import tables as catalogue
from orders.pricing import tables as pricing
from orders.sales import tables as sales
from orders.stock import tables as stock
from orders.stock.documents import tables as stock_documents
from orders.stock.planning import tables as stock_planning

__all__ = ["catalogue", "pricing", "sales", "stock", "stock_documents", "stock_planning"]

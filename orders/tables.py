"""Every table of orders, for what looks at the schema as a whole. Rule: nothing else imports this."""

from orders.catalogue import tables as catalogue
from orders.connections import tables as connections
from orders.pricing import tables as pricing
from orders.sales import tables as sales
from orders.stock import tables as stock

__all__ = ["catalogue", "connections", "pricing", "sales", "stock"]

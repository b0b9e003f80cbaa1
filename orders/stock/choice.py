"""Which warehouse an order is served from. Rule: the one that was asked for; else the open one that serves the
customer's city, else the province, of several the one with the lowest priority number; else the main one.

`CHOSEN` is part of the statement that reads what an order needs: c is the customer.
"""

from orders.errors import UnknownWarehouse
from orders.reasons import Reason
from orders.stock.tables import MAIN

CHOSEN = f"""
    SELECT coalesce(n.code, '{MAIN}') AS warehouse, coalesce(n.chosen_by, 'main') AS chosen_by
    FROM (SELECT 1) one LEFT JOIN LATERAL (
        SELECT h.code, CASE WHEN h.code = CAST(:warehouse AS text) THEN 'asked'
                            WHEN c.city = ANY (h.serves) THEN 'city' ELSE 'province' END AS chosen_by
        FROM c, warehouses h
        WHERE h.active AND CASE WHEN CAST(:warehouse AS text) IS NULL
            THEN c.city = ANY (h.serves) OR c.province = ANY (h.serves)
            ELSE h.code = CAST(:warehouse AS text) END
        ORDER BY c.city = ANY (h.serves) DESC NULLS LAST, h.priority, h.code LIMIT 1
    ) n ON true"""


def check(chosen: str, asked: str | None) -> None:
    """Raises UnknownWarehouse when the one that was asked for is not open."""
    if asked is not None and chosen != asked:
        raise UnknownWarehouse(asked)


def why(chosen_by: str, warehouse: str) -> Reason:
    """`chosen_by`: asked, city, province or main."""
    return Reason(f"warehouse_{chosen_by}", {"warehouse": warehouse})

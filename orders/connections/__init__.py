"""Connections to other programs: events and webhooks out, orders in, ERP and shops.

Rule: everything here may come twice, late or in another order, and does no harm.
"""

"""Every address of the API, and the right that each needs.

Rule: a route exists only as a line in a module's table; the permission tests and the API description
are made from them. Where several rights stand, the answer depends on which is held (see the handler).
"""

from webui import openapi, websocket
from webui.api import (
    agent,
    audit,
    benefits,
    callbacks,
    calls,
    care,
    channel,
    complaint_categories,
    complaints,
    custom_fields,
    customers,
    dealer_applications,
    dealer_stock,
    exchange,
    insight,
    knowledge,
    knowledge_categories,
    knowledge_questions,
    notices,
    orders,
    organisation,
    privacy,
    products,
    searches,
    session,
    system,
    todos,
)
from webui.routing import Route

ROUTES: tuple[Route, ...] = (
    *session.ROUTES,
    *websocket.ROUTES,
    *agent.ROUTES,
    *products.ROUTES,
    *orders.ROUTES,
    *customers.ROUTES,
    *searches.ROUTES,
    *custom_fields.ROUTES,
    *channel.ROUTES,
    *exchange.ROUTES,
    *organisation.ROUTES,
    *insight.ROUTES,
    *benefits.ROUTES,
    *notices.ROUTES,
    *privacy.ROUTES,
    *calls.ROUTES,
    *callbacks.ROUTES,
    *todos.ROUTES,
    *complaint_categories.ROUTES,
    *complaints.ROUTES,
    *care.ROUTES,
    *dealer_stock.ROUTES,
    *dealer_applications.ROUTES,
    *audit.ROUTES,
    *knowledge_categories.ROUTES,
    *knowledge.ROUTES,
    *knowledge_questions.ROUTES,
    *system.ROUTES,
    *openapi.ROUTES,
)

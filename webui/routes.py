"""Every address of the API, and the right that each needs.

Rule: a route exists only as a line here; the permission tests and the API description are made from
this table. Where several rights stand, the answer depends on which is held (see the handler).
"""

from crm_core.rights import Right
from webui import openapi, websocket
from webui.api import agent, callbacks, calls, customers, orders, products, session, system
from webui.routing import ANYONE, LOGGED_IN, Route, needs

_NUMBER = r"{id:[1-9][0-9]{0,8}}"
_CALL = r"{id:[0-9a-f]{32}}"

ROUTES: tuple[Route, ...] = (
    Route(
        "POST", "/api/session", session.log_in, ANYONE, session.LogIn, answer=session.SessionView
    ),
    Route("GET", "/api/session", session.current, LOGGED_IN, answer=session.SessionView),
    Route("DELETE", "/api/session", session.log_out, LOGGED_IN, status=204),
    Route(
        "PUT",
        "/api/session/locale",
        session.choose_locale,
        LOGGED_IN,
        session.ChosenLocale,
        status=204,
    ),
    Route("POST", "/api/ws-ticket", session.give_ticket, LOGGED_IN, answer=session.TicketView),
    Route("GET", "/ws", websocket.open_page, LOGGED_IN, query=websocket.Opening, status=101),
    Route(
        "POST",
        "/api/agent/state",
        agent.change_state,
        needs(Right.AGENT_WORK),
        agent.Command,
        answer=agent.AgentAnswer,
    ),
    Route(
        "GET",
        "/api/products",
        products.search,
        needs(Right.ORDER_VIEW),
        query=products.ProductSearch,
        answer=products.ProductList,
    ),
    Route(
        "POST",
        "/api/orders/quote",
        products.quote,
        needs(Right.ORDER_PLACE),
        products.WantedQuote,
        answer=products.QuoteView,
    ),
    Route(
        "POST",
        "/api/orders",
        orders.place,
        needs(Right.ORDER_PLACE),
        orders.WantedOrder,
        answer=orders.OrderAnswer,
        status=201,
        headers=(orders.KEY,),
    ),
    Route(
        "GET",
        "/api/orders",
        orders.search,
        needs(Right.ORDER_VIEW),
        query=orders.OrderSearch,
        answer=orders.OrderList,
    ),
    Route(
        "GET",
        f"/api/orders/{_NUMBER}",
        orders.show,
        needs(Right.ORDER_VIEW),
        answer=orders.OrderAnswer,
    ),
    Route(
        "GET",
        "/api/customers",
        customers.search,
        needs(Right.CUSTOMER_VIEW),
        query=customers.CustomerSearch,
        answer=customers.CustomerList,
    ),
    Route(
        "GET",
        f"/api/customers/{_NUMBER}",
        customers.show,
        needs(Right.CUSTOMER_VIEW),
        answer=customers.CustomerAnswer,
    ),
    Route(
        "POST",
        "/api/customers",
        customers.create,
        needs(Right.CUSTOMER_EDIT),
        customers.WantedCustomer,
        answer=customers.CustomerAnswer,
        status=201,
    ),
    Route(
        "GET",
        "/api/calls",
        calls.latest,
        needs(Right.CALL_VIEW, Right.AGENT_WORK),
        query=calls.CallSearch,
        answer=calls.CallList,
    ),
    Route(
        "GET",
        f"/api/calls/{_CALL}",
        calls.show,
        needs(Right.CALL_VIEW, Right.AGENT_WORK),
        answer=calls.CallDetail,
    ),
    Route(
        "GET",
        f"/api/calls/{_CALL}/recording",
        calls.recording,
        needs(Right.RECORDING_LISTEN, Right.AGENT_WORK),
    ),
    Route(
        "GET",
        "/api/callbacks",
        callbacks.search,
        needs(Right.CALLBACK_WORK),
        answer=callbacks.CallbackList,
    ),
    Route(
        "POST",
        "/api/callbacks",
        callbacks.create,
        needs(Right.CALLBACK_WORK),
        callbacks.WantedCallback,
        answer=callbacks.CallbackAnswer,
        status=201,
    ),
    Route(
        "POST",
        f"/api/callbacks/{_NUMBER}/call",
        callbacks.call_now,
        needs(Right.CALLBACK_WORK),
        answer=callbacks.CallbackAnswer,
    ),
    Route(
        "POST",
        f"/api/callbacks/{_NUMBER}/close",
        callbacks.close,
        needs(Right.CALLBACK_WORK),
        answer=callbacks.CallbackAnswer,
    ),
    Route("GET", "/api/health", system.health, ANYONE, answer=system.HealthView),
    Route("GET", "/api/openapi.json", openapi.show, LOGGED_IN),
    Route("GET", "/metrics", system.metrics, ANYONE),
)

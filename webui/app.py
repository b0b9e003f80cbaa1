"""The web application. Rule: it holds no state besides the Door, and starts and stops with it."""

from collections.abc import AsyncIterator

from aiohttp import web

from webui.door import DOOR, Door
from webui.middlewares import add_headers, own_pages_only, refusals
from webui.routes import ROUTES
from webui.routing import SIGNED_HANDLERS, endpoint
from webui.services import WebServices
from webui.spa import add_pages


def create_app(services: WebServices) -> web.Application:
    """The whole web door: API, websocket and pages."""
    app = web.Application(
        middlewares=(refusals, own_pages_only), client_max_size=services.options.body_limit
    )
    app[DOOR] = Door.of(services)
    app.on_response_prepare.append(add_headers)
    signed = set()
    for route in ROUTES:
        added = app.router.add_route(route.method, route.path, endpoint(route))
        if route.needs.signed:
            signed.add(added.handler)
    app[SIGNED_HANDLERS] = frozenset(signed)
    add_pages(app)
    app.cleanup_ctx.append(_open)
    app.on_shutdown.append(_close_pages)
    return app


async def _open(app: web.Application) -> AsyncIterator[None]:
    app[DOOR].start()
    yield
    await app[DOOR].close()


async def _close_pages(app: web.Application) -> None:
    """Before the server waits for its connections to end."""
    app[DOOR].hub.close()

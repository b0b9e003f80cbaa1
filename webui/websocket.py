"""The websocket of a page: let in by ticket, told what happens, forgotten when it is gone.

Rule: a page that sends anything but the one thing it may ask for is closed.
"""

import asyncio
from collections.abc import Callable
from typing import Literal

import structlog
from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import ValidationError

from webui.asked import Asked, Model, Nothing
from webui.door import Door
from webui.errors import OriginRefused, Unauthenticated
from webui.feed import NEEDS
from webui.page import Page, PageKind
from webui.routing import BROWSER, Route

log = structlog.get_logger(__name__)

_LONGEST_MESSAGE = 1024
_CLOSE_S = 2.0


class Opening(Model):
    ticket: str
    page: PageKind


class Wish(Model):
    """The only thing a page may send: the snapshot, please."""

    type: Literal["snapshot"]


async def open_page(asked: Asked[Nothing, Opening]) -> web.WebSocketResponse:
    """A page's live data, as numbered changes after a snapshot."""
    door, principal, token = asked.door, asked.principal, asked.token or ""
    if not door.origins.allows(asked.request):
        raise OriginRefused("This address may not open pages here.")
    if not door.tickets.use(asked.query.ticket, token):
        raise Unauthenticated("This ticket is used up or not yours: ask for a new one.")
    if not principal.rights.intersection(NEEDS[asked.query.page]):
        principal.require(NEEDS[asked.query.page][0])
    door.hub.admit(principal)
    options = door.services.options
    socket = web.WebSocketResponse(
        heartbeat=options.ping_s,
        max_msg_size=_LONGEST_MESSAGE,
        compress=False,
        timeout=_CLOSE_S,
    )
    closing: set[asyncio.Task[bool]] = set()

    async def send(message: bytes) -> None:
        await socket.send_frame(message, WSMsgType.TEXT)

    def close(code: int) -> None:
        task = asyncio.create_task(socket.close(code=code))
        closing.add(task)
        task.add_done_callback(closing.discard)

    page = Page(asked.query.page, principal, token, send=send, close=close, backlog=options.backlog)
    await _serve(asked.request, socket, page, door)
    return socket


async def _serve(
    request: web.Request, socket: web.WebSocketResponse, page: Page, door: Door
) -> None:
    await socket.prepare(request)
    feed = door.hub.attach(page)
    user = page.principal.user_id
    log.info("page_opened", page=page.kind, user=user)
    writer = asyncio.create_task(_write(page, lambda: door.hub.snapshot(feed)))
    try:
        await _listen(socket, page)
    finally:
        door.hub.detach(page, feed)
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        log.info("page_closed", page=page.kind, user=user, code=socket.close_code)


async def _write(page: Page, snapshot: Callable[[], bytes]) -> None:
    try:
        await page.run(snapshot)
    except ConnectionError:
        return  # the listener finds the same and ends
    except Exception:
        log.exception("page_writer_failed", user=page.principal.user_id)
        page.close(WSCloseCode.INTERNAL_ERROR)


async def _listen(socket: web.WebSocketResponse, page: Page) -> None:
    async for message in socket:
        try:
            Wish.model_validate_json(message.data)
        except ValidationError:
            await socket.close(code=WSCloseCode.POLICY_VIOLATION)
            return
        page.send_snapshot()


ROUTES = (Route("GET", "/ws", open_page, BROWSER, query=Opening, status=101),)

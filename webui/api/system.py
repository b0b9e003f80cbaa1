"""Health, metrics, and the description of the API."""

from ipaddress import ip_address

from aiohttp import web

from crm_core.errors import Forbidden
from webui.asked import Asked, Nothing
from webui.routing import ANYONE, Route
from webui.views import View


class HealthView(View):
    status: str


async def health(asked: Asked[Nothing, Nothing]) -> HealthView:
    """`ok`, or `degraded` while a part that Zongji stands on is away."""
    return HealthView(status=asked.door.health.status)


async def metrics(asked: Asked[Nothing, Nothing]) -> web.Response:
    """Figures for Prometheus; only for the networks in the settings."""
    allowed = asked.services.options.metrics_from
    peer = ip_address(asked.address or "0.0.0.0")  # noqa: S104
    if not any(peer in network for network in allowed):
        raise Forbidden("Metrics are given to this machine's own network only.")
    return web.Response(
        body=asked.door.metrics.text(),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
    )


ROUTES = (
    Route("GET", "/api/health", health, ANYONE, answer=HealthView),
    Route("GET", "/metrics", metrics, ANYONE, files=("text/plain",)),
)

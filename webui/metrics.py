"""Figures for Prometheus.

Rule: gauges are read from their owners at the moment of asking; only what passes by on the bus is
counted here. No label carries a number, a name or an id of a person.
"""

from collections import Counter as Tally
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from acd.events import CallAnswered, CallEnded, CallStarted
from acd.service import AcdService
from crm_core.bus import Bus
from orders.events import OrderPlaced
from webui.hub import Hub
from webui.ports import Node


class Metrics:
    """A registry of its own, so that two applications in one process do not meet."""

    def __init__(self, acd: AcdService, hub: Hub, nodes: Sequence[Node], bus: Bus) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Gauges(acd, hub, nodes))
        self._started = self._counter("zongji_calls_started", "Calls begun", "direction")
        self._answered = self._counter("zongji_calls_answered", "Calls answered by an agent")
        self._ended = self._counter("zongji_calls_ended", "Calls over", "outcome")
        self._orders = self._counter("zongji_orders_placed", "Orders placed", "status")
        self._stops = (
            bus.subscribe(self._on_started, CallStarted),
            bus.subscribe(self._on_answered, CallAnswered),
            bus.subscribe(self._on_ended, CallEnded),
            bus.subscribe(self._on_order, OrderPlaced),
        )

    def text(self) -> bytes:
        return generate_latest(self._registry)

    def close(self) -> None:
        for stop in self._stops:
            stop()

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, labels, registry=self._registry)

    def _on_started(self, event: CallStarted) -> None:
        self._started.labels(event.direction).inc()

    def _on_answered(self, _event: CallAnswered) -> None:
        self._answered.inc()

    def _on_ended(self, event: CallEnded) -> None:
        self._ended.labels(event.outcome).inc()

    def _on_order(self, event: OrderPlaced) -> None:
        self._orders.labels(event.status).inc()


class _Gauges(Collector):
    def __init__(self, acd: AcdService, hub: Hub, nodes: Sequence[Node]) -> None:
        self._acd = acd
        self._hub = hub
        self._nodes = nodes

    def collect(self) -> Iterator[GaugeMetricFamily]:
        queues = self._acd.queue_views()
        states: Tally[str] = Tally(agent.state for agent in self._acd.agent_views())
        yield _gauge(
            "zongji_waiting", "Callers in the line", "queue", {q.name: q.waiting for q in queues}
        )
        yield _gauge("zongji_agents", "Agents by state", "state", dict(states))
        yield _gauge(
            "zongji_ami_connected",
            "1 while the link to Asterisk is up",
            "node",
            {node.name: int(node.connected) for node in self._nodes},
        )
        yield _gauge(
            "zongji_ami_lag",
            "Events of Asterisk heard and not yet handled",
            "node",
            {node.name: node.lag for node in self._nodes},
        )
        pages = {"sidebar": self._hub.count("sidebar"), "board": self._hub.count("board")}
        yield _gauge("zongji_pages", "Open pages", "kind", pages)


def _gauge(name: str, meaning: str, label: str, values: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=(label,))
    for value, figure in values.items():
        family.add_metric((value,), figure)
    return family

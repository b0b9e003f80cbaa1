"""Figures for Prometheus.

Rule: gauges are read from their owners at the moment of asking; only what passes by on the bus is
counted here. No label carries a number, a name or an id of a person.
"""

from collections import Counter as Tally
from collections.abc import Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from acd.events import CallAnswered, CallEnded, CallStarted
from acd.recording_space import RecordingSpace
from acd.service import AcdService
from ami_bridge.events import AsteriskEvent
from ami_bridge.live_calls import LiveCalls
from crm_core.bus import Bus
from crm_core.outbox.events import MessageFailed, MessageSent, OutboxWatched, Waiting
from ivr.capacity import Capacity
from ivr.prompt_watch import PromptWatch
from orders.sales.events import OrderPlaced
from webui.hub import Hub
from webui.loop_watch import LoopWatch
from webui.ports import Node


class Metrics:
    """A registry of its own, so that two applications in one process do not meet."""

    def __init__(
        self,
        acd: AcdService,
        hub: Hub,
        nodes: Sequence[Node],
        *,
        bus: Bus,
        room: RecordingSpace,
        prompts: PromptWatch,
        capacity: Capacity,
    ) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        live = LiveCalls()
        self._watch = LoopWatch()
        self._outbox = _Outbox()
        self._registry.register(_Gauges(acd, hub, nodes, live, room))
        self._registry.register(_Prompts(prompts))
        self._registry.register(_Capacity(capacity))
        self._registry.register(self._outbox)
        self._registry.register(self._watch)
        self._started = self._counter("zongji_calls_started", "Calls begun", "direction")
        self._answered = self._counter("zongji_calls_answered", "Calls answered by an agent")
        self._ended = self._counter("zongji_calls_ended", "Calls over", "outcome")
        self._orders = self._counter("zongji_orders_placed", "Orders placed", "status")
        self._messages = self._counter(
            "zongji_messages", "Messages to customers by what became of them", "channel", "state"
        )
        self._stops = (
            bus.subscribe(self._on_started, CallStarted),
            bus.subscribe(self._on_answered, CallAnswered),
            bus.subscribe(self._on_ended, CallEnded),
            bus.subscribe(self._on_order, OrderPlaced),
            bus.subscribe(self._on_message, MessageSent, MessageFailed),
            bus.subscribe(self._outbox.apply, OutboxWatched),
            bus.subscribe(live.apply, AsteriskEvent),
        )

    def start(self) -> None:
        """In the loop that is watched."""
        self._watch.start()

    def text(self) -> bytes:
        return generate_latest(self._registry)

    async def close(self) -> None:
        await self._watch.close()
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

    def _on_message(self, event: MessageSent | MessageFailed) -> None:
        state = event.state if isinstance(event, MessageFailed) else "sent"
        self._messages.labels(event.channel, state).inc()


class _Outbox(Collector):
    """What waited when the outbox was last looked at."""

    def __init__(self) -> None:
        self._channels: Mapping[str, Waiting] = {}

    def apply(self, event: OutboxWatched) -> None:
        self._channels = event.channels

    def collect(self) -> Iterator[GaugeMetricFamily]:
        waiting = GaugeMetricFamily(
            "zongji_messages_waiting",
            "Messages that wait for a provider (pending) or a person (failed, unknown)",
            labels=("channel", "state"),
        )
        for channel, each in self._channels.items():
            counts = {"pending": each.pending, "failed": each.failed, "unknown": each.unknown}
            for state, count in counts.items():
                waiting.add_metric((channel, state), count)
        yield waiting
        yield _gauge(
            "zongji_messages_oldest_seconds",
            "How long the oldest pending message has waited",
            "channel",
            {channel: each.oldest_s for channel, each in self._channels.items()},
        )


class _Capacity(Collector):
    """How many callers hear something."""

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity

    def collect(self) -> Iterator[GaugeMetricFamily]:
        taken = GaugeMetricFamily(
            "zongji_capacity_taken", "Callers who hear words or music", labels=("node", "kind")
        )
        wanted = GaugeMetricFamily(
            "zongji_capacity_wanted",
            "Callers who ring on until there is room to play something to them",
            labels=("node", "kind"),
        )
        for node, rooms in self._capacity.kinds():
            for kind, room in rooms.items():
                taken.add_metric((node, kind), room.taken)
                wanted.add_metric((node, kind), room.wanted)
        yield taken
        yield wanted


class _Prompts(Collector):
    """What callers do not hear."""

    def __init__(self, prompts: PromptWatch) -> None:
        self._prompts = prompts

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "zongji_prompts_silent",
            "Prompts of the line whose files are away or would not play",
            value=len(self._prompts.silent),
        )
        yield CounterMetricFamily(
            "zongji_prompts_not_played",
            "Times that a caller was to hear a prompt and Asterisk played nothing",
            value=self._prompts.not_played,
        )


class _Gauges(Collector):
    def __init__(
        self,
        acd: AcdService,
        hub: Hub,
        nodes: Sequence[Node],
        live: LiveCalls,
        room: RecordingSpace,
    ) -> None:
        self._acd = acd
        self._hub = hub
        self._nodes = nodes
        self._live = live
        self._room = room

    def collect(self) -> Iterator[GaugeMetricFamily]:
        queues = self._acd.queue_views()
        states: Tally[str] = Tally(agent.state for agent in self._acd.agent_views())
        yield _gauge(
            "zongji_waiting", "Callers in the line", "queue", {q.name: q.waiting for q in queues}
        )
        yield _gauge("zongji_agents", "Agents by state", "state", dict(states))
        yield _gauge(
            "zongji_held", "Places held for call-backs", "queue", {q.name: q.held for q in queues}
        )
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
        calls: Tally[str] = Tally(call.node for call in self._live.calls())
        yield _gauge(
            "zongji_live_calls",
            "Calls on Asterisk, whatever their way",
            "node",
            {node.name: calls[node.name] for node in self._nodes},
        )
        pages = {"sidebar": self._hub.count("sidebar"), "board": self._hub.count("board")}
        yield _gauge("zongji_pages", "Open pages", "kind", pages)
        yield GaugeMetricFamily(
            "zongji_recording_free_bytes", "Room left for recordings", value=self._room.free or 0
        )
        yield GaugeMetricFamily(
            "zongji_recording_stopped",
            "1 while no recording is begun for want of room",
            value=int(self._room.space == "full"),
        )


def _gauge(name: str, meaning: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=(label,))
    for value, figure in values.items():
        family.add_metric((value,), figure)
    return family

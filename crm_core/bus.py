"""The bus inside one daemon: typed events from the package that decides to those that show or store.

Rule: publishing never fails and never waits. A handler is a quick synchronous function; one that
raises is logged, and the other handlers still hear the event.
"""

from collections.abc import Callable
from typing import Any

import structlog

log = structlog.get_logger(__name__)

Handler = Callable[[Any], None]


class Bus:
    """Delivers each published event to its subscribers, in order of subscription."""

    def __init__(self) -> None:
        self._handlers: list[tuple[tuple[type, ...], Handler]] = []

    def subscribe(self, handler: Handler, *types: type) -> Callable[[], None]:
        """Call `handler` with each event of the given types; returns the way to stop it."""
        entry = (types, handler)
        self._handlers.append(entry)

        def unsubscribe() -> None:
            self._handlers.remove(entry)

        return unsubscribe

    def publish(self, event: object) -> None:
        """Tell every subscriber of the event's type."""
        for types, handler in tuple(self._handlers):
            if isinstance(event, types):
                try:
                    handler(event)
                except Exception:
                    log.exception("event_handler_failed", handled=type(event).__name__)

"""The places of call-backs in the ACD's line.

Rule: the table of call-backs says which places there are, and the line is made to agree with it, so that a new daemon
holds them as the old one did. A call-back has one place at most, and none from its turn until it is waiting again.
"""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from acd.tickets import HeldPlace
from dialer.ports import Agents
from dialer.store import DueCallback

MOST_AT_ONCE = 200
"""So many places are held without letting anything else have its turn."""


@dataclass(frozen=True, slots=True)
class _Held:
    call_id: str
    item: DueCallback


class Places:
    """Those that are held now, each under the id which the call will have."""

    def __init__(
        self, agents: Agents, new_id: Callable[[], str] = lambda: uuid.uuid4().hex
    ) -> None:
        self._agents = agents
        self._new_id = new_id
        self._by_item: dict[int, _Held] = {}
        self._by_call: dict[str, DueCallback] = {}
        self._by_number: dict[str, _Held] = {}

    def __len__(self) -> int:
        return len(self._by_item)

    def agree(self, due: Iterable[DueCallback], *, most: int = MOST_AT_ONCE) -> bool:
        """Hold a place for each of these as they are now, and for nothing else; the first in line come first, and
        when there are more new ones than `most`, it says so and wants to be called again.
        """
        wanted = {item.id: item for item in due}
        for held in tuple(self._by_item.values()):
            if wanted.get(held.item.id) != held.item:
                self._give_up(held)
        new = [item for item in wanted.values() if item.id not in self._by_item]
        new.sort(key=lambda item: (-item.priority, item.joined_at))
        for item in new[:most]:
            self._hold(item)
        return len(new) > most

    def reached(self, call_id: str) -> DueCallback | None:
        """The call-back whose turn has come; None when it is not wanted any more."""
        item = self._by_call.pop(call_id, None)
        if item is not None:
            del self._by_item[item.id], self._by_number[item.number]
        return item

    def give_up(self, number: str | None = None) -> None:
        """The place of this number, or all of them."""
        if number is None:
            for held in tuple(self._by_item.values()):
                self._give_up(held)
        elif (held_for := self._by_number.get(number)) is not None:
            self._give_up(held_for)

    def _hold(self, item: DueCallback) -> None:
        held = self._by_item[item.id] = _Held(self._new_id(), item)
        self._by_call[held.call_id], self._by_number[item.number] = item, held
        self._agents.hold(
            HeldPlace(
                held.call_id,
                item.queue,
                item.priority,
                item.joined_at,
                item.agent_id,
                item.preferred_agent,
                item.skills_by,
            )
        )

    def _give_up(self, held: _Held) -> None:
        item = held.item
        del self._by_item[item.id], self._by_call[held.call_id], self._by_number[item.number]
        self._agents.release(held.call_id)

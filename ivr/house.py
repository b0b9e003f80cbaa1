"""What every call needs of the rest of the daemon."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from acd.familiar import FamiliarAgents
from acd.service import AcdService
from crm_core.blacklist.live import LiveBlacklist
from crm_core.customers.service import CustomerService
from crm_core.notices.service import NoticeService
from crm_core.pins.service import PinService
from crm_core.places.finder import Places
from ivr.capacity import Capacity
from ivr.line.live import LiveLine
from ivr.menu import Language
from ivr.outside import OutsideCalls
from ivr.ports import AskedBefore, Callbacks, Refusals
from ivr.prompts import PromptLibrary
from ivr.recording import Recorder
from ivr.self_service.counter import Terms
from ivr.waiting import WaitingRoom
from orders.services import Trade

_SET_UPS = 8


@dataclass(frozen=True, slots=True)
class House:
    """`called_waits_s`: how long somebody we called is asked to wait for an agent. `set_ups`: how many calls are looked up
    and routed at once; when more come together, each is sooner in the line than if all were worked at.
    """

    acd: AcdService
    line: LiveLine
    prompts: PromptLibrary
    customers: CustomerService
    familiar: FamiliarAgents
    places: Places
    trade: Trade
    notices: NoticeService
    pins: PinService
    terms: Terms
    callbacks: Callbacks
    refusals: Refusals
    surveys: AskedBefore
    recorder: Recorder
    blacklist: LiveBlacklist
    language: Language
    clock: Callable[[], datetime]
    zone: tzinfo
    outside: OutsideCalls
    capacity: Capacity
    set_ups: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_SET_UPS))
    called_waits_s: float = 20.0

    @property
    def waiting_room(self) -> WaitingRoom:
        return WaitingRoom(self.prompts, self.recorder, self.callbacks, self.outside, self.capacity)

"""What the composition root hands to the web door, and how the door behaves.

Rule: frozen; the door builds nothing of the house itself.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from acd.agent_times import AgentTimes
from acd.hanging_up import HangingUp
from acd.log.service import CallLog
from acd.pausing import Pausing
from acd.recording_archive import RecordingArchive
from acd.recording_space import RecordingSpace
from acd.service import AcdService
from acd.store import AcdStore
from acd.surveys import Surveys
from acd.voicemail_store import VoicemailStore
from crm_core.blacklist.policy import Listed
from crm_core.blacklist.service import BlacklistService
from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.places.finder import Home
from crm_core.rights import Principal, Right
from crm_core.services import Crm
from dialer.consents.service import ConsentService
from dialer.do_not_call.files import ListFiles
from dialer.do_not_call.service import DoNotCallService
from dialer.ledger.service import Ledger
from ivr.capacity import Capacity
from ivr.line.service import LineService
from ivr.line.trial import LineTrial
from ivr.media.service import MediaReports
from ivr.prompt_watch import PromptWatch
from orders.services import Trade
from webui.client_address import Proxies
from webui.page import Backlog
from webui.ports import Callbacks, Node
from webui.rounds import Rhythm

STATIC = Path(__file__).parent / "static"
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@dataclass(frozen=True, slots=True)
class WebOptions:
    """`origins` are the addresses people type (this machine's own are always allowed).

    `secure_cookie` False is for a trial over plain HTTP in one's own network. `ping_s`: a browser
    that has answered nothing for one and a half times as long is forgotten.
    """

    origins: tuple[str, ...] = ()
    secure_cookie: bool = True
    static: Path = STATIC
    metrics_from: Sequence[IPv4Network | IPv6Network] = LOOPBACK
    proxies: Proxies = field(default_factory=Proxies)
    rhythm: Rhythm = field(default_factory=Rhythm)
    backlog: Backlog = field(default_factory=Backlog)
    ping_s: float = 8.0
    body_limit: int = 64 * 1024


@dataclass(frozen=True, slots=True)
class WebServices:
    """`queues_of`: which queues an agent serves, in order of preference. `room`: what is left for recordings.
    `home_of`: where a number is at home. `faxes` is their folder.

    `listed`: what the blacklist says of a number and a level. `right_to_dial`: the right that a number needs, by how far it is.
    """

    crm: Crm
    trade: Trade
    acd: AcdService
    calls: AcdStore
    surveys: Surveys
    call_log: CallLog
    media: MediaReports
    pausing: Pausing
    hanging_up: HangingUp
    agent_times: AgentTimes
    blacklist: BlacklistService
    listed: Callable[[str | None, str | None], Listed | None]
    callbacks: Callbacks
    do_not_call: DoNotCallService
    list_files: ListFiles
    consents: ConsentService
    ledger: Ledger
    recordings: RecordingArchive
    room: RecordingSpace
    prompts: PromptWatch
    capacity: Capacity
    faxes: Path
    database: Database
    bus: Bus
    nodes: Sequence[Node]
    line: LineService
    trial: LineTrial
    queues_of: Callable[[Principal], Awaitable[tuple[str, ...]]]
    right_to_dial: Callable[[str], Right]
    home_of: Callable[[str], Home]
    clock: Callable[[], datetime]
    options: WebOptions = field(default_factory=WebOptions)

    @property
    def voicemails(self) -> VoicemailStore:
        return VoicemailStore(self.database)

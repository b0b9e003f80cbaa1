"""Calls enter here: for people, for messages, and from fax machines."""

from acd.familiar import FamiliarAgents
from acd.service import AcdService
from ami_bridge.agi import AgiSession
from ami_bridge.agi_framing import AgiEnvironment, AgiLimits
from ami_bridge.commands import PlayDtmf
from ami_bridge.fastagi import FastAgiServer, Handler
from crm_core.people.accounts import AccountService
from crm_core.places.finder import Places
from crm_core.services import Crm
from dialer.message_calls import ANNOUNCEMENT, FAX, MessageCalls
from ivr.call import FAX as FAX_MACHINE
from ivr.call import Line
from ivr.dialling import SCRIPT as DIAL
from ivr.dialling import AgentDialling
from ivr.fax.intake import SCRIPT as FAX_IN
from ivr.fax.intake import FaxIntake
from ivr.house import House
from ivr.outside import OutsideCalls
from ivr.ports import Callbacks, Refusals
from ivr.recording import Recorder
from orders.services import Trade
from zongji.core import now, right_to_dial, self_service_terms
from zongji.parts.floor import Floor
from zongji.parts.ground import Ground
from zongji.parts.recording import obstacle_by


def call_server(
    ground: Ground, floor: Floor, house: House, messages: MessageCalls, accounts: AccountService
) -> FastAgiServer:
    """What Asterisk sends calls to, not listening yet; the wake key goes to the node that the call is on."""
    settings, nodes = ground.settings, floor.nodes
    dialling = AgentDialling(
        accounts,
        right_to_dial(settings, house.places),
        prompts=floor.prompts,
        language=settings.language,
    )
    handler = _calls(Line(house), messages, _faxes(ground, floor.acd), dialling)

    async def interrupt(env: AgiEnvironment) -> None:
        node = env.query.get("node", "")
        client = nodes.client(node if node in nodes.names else nodes.names[0])
        await client.send(PlayDtmf(channel=env.channel, digit="D", receive=True))

    return FastAgiServer(
        handler,
        host=settings.agi.host,
        port=settings.agi.port,
        allowed=settings.agi.networks,
        interrupt=interrupt,
        not_played=floor.silent.note_not_played,
        limits=AgiLimits(connections=settings.agi.connections),
    )


def house_of(
    ground: Ground,
    floor: Floor,
    *,
    crm: Crm,
    trade: Trade,
    places: Places,
    callbacks: Callbacks,
    refusals: Refusals,
) -> House:
    """What a call finds here."""
    settings = ground.settings
    familiar = FamiliarAgents(ground.database, clock=now, zone=settings.zone)
    ground.stack.push_async_callback(familiar.close)
    return House(
        acd=floor.acd,
        line=floor.live,
        prompts=floor.prompts,
        customers=crm.customers,
        familiar=familiar,
        places=places,
        trade=trade,
        notices=crm.notices,
        pins=crm.pins,
        terms=self_service_terms(settings),
        callbacks=callbacks,
        refusals=refusals,
        surveys=floor.surveys,
        recorder=Recorder(settings.recording_folder, obstacle_by(floor.live, floor.room)),
        blacklist=floor.blacklist,
        language=settings.language,
        clock=now,
        zone=settings.zone,
        outside=OutsideCalls(settings.caller_id),
        capacity=floor.capacity,
    )


def _faxes(ground: Ground, acd: AcdService) -> FaxIntake:
    """What takes in the faxes that Asterisk received, until the stack is closed."""
    intake = FaxIntake(
        ground.database,
        ground.settings.fax_folder,
        clock=now,
        took=lambda call_id: _was_fax(acd, call_id),
    )
    ground.run(intake)
    return intake


def _was_fax(acd: AcdService, call_id: str) -> None:
    """A fax machine took the call; one that an agent had answered stays so."""
    record = acd.recent_record(call_id)
    if record is None or record.row.outcome == FAX_MACHINE:
        return
    if record.row.answered_at is None:
        record.change("fax", outcome=FAX_MACHINE)
    else:
        record.step("fax")


def _calls(
    line: Line, messages: MessageCalls, faxes: FaxIntake, dialling: AgentDialling
) -> Handler:
    """Calls for people go one way, calls that only tell something, faxes that came in, and what agents dial, others."""

    async def enter(session: AgiSession) -> None:
        script = session.env.script.strip("/")
        ways: dict[str, Handler] = {
            ANNOUNCEMENT: messages.enter,
            FAX: messages.enter,
            FAX_IN: faxes.enter,
            DIAL: dialling.enter,
        }
        await ways.get(script, line)(session)

    return enter

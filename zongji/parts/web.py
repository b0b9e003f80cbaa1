"""The pages and the API."""

from ipaddress import ip_network

from acd.agent_times import AgentTimes
from acd.hanging_up import HangingUp
from acd.log.service import CallLog
from acd.recording_archive import RecordingArchive
from crm_core.blacklist.service import BlacklistService
from crm_core.services import Crm
from dialer.consents.service import ConsentService
from dialer.do_not_call.files import ListFiles
from dialer.do_not_call.service import DoNotCallService
from dialer.ledger.service import Ledger
from dialer.service import Dialer
from ivr.house import House
from ivr.line.service import LineService
from ivr.line.trial import Callers, LineTrial
from ivr.media.service import MediaReports
from orders.services import Trade
from webui.client_address import Proxies
from webui.server import Tls, WebServer
from webui.services import WebOptions, WebServices
from zongji.core import now, right_to_dial
from zongji.parts.floor import Floor
from zongji.parts.ground import Ground
from zongji.parts.recording import file_keys
from zongji.platform.asterisk import music_classes
from zongji.settings import Settings


def web_server(
    ground: Ground,
    floor: Floor,
    house: House,
    *,
    crm: Crm,
    trade: Trade,
    dialer: Dialer,
    refusals: DoNotCallService,
) -> WebServer:
    """Not listening yet."""
    settings, database, places = ground.settings, ground.database, house.places
    live, blacklist, nodes = floor.live, floor.blacklist, floor.nodes
    return WebServer(
        WebServices(
            crm=crm,
            trade=trade,
            acd=floor.acd,
            calls=floor.calls,
            surveys=floor.surveys,
            call_log=CallLog(database, clock=now, zone=settings.zone),
            media=MediaReports(database, clock=now, zone=settings.zone),
            agent_times=AgentTimes(database, zone=settings.zone),
            blacklist=BlacklistService(
                database, blacklist.rules, clock=now, changed=blacklist.run_once
            ),
            listed=blacklist.find,
            callbacks=dialer,
            do_not_call=refusals,
            list_files=ListFiles(database, settings.var / "exchange", clock=now),
            consents=ConsentService(database, clock=now),
            ledger=Ledger(database),
            pausing=floor.pausing,
            hanging_up=HangingUp(floor.acd, nodes.send),
            recordings=RecordingArchive(
                database, settings.recording_folder, file_keys(settings), now
            ),
            room=floor.room,
            prompts=floor.silent,
            capacity=floor.capacity,
            faxes=settings.fax_folder,
            database=database,
            bus=ground.bus,
            nodes=[nodes.client(name) for name in nodes.names],
            line=LineService(
                database,
                clock=now,
                zone=settings.zone,
                prepare=floor.prompts.prepare,
                recordings=floor.recordings,
                music=music_classes,
                applied=live.look,
            ),
            trial=_trial(ground, house),
            queues_of=lambda who: crm.groups.queues_of(who, tuple(live.now.plan.queue_by_name)),
            home_of=places.look_up,
            right_to_dial=right_to_dial(settings, places),
            clock=now,
            options=_web_options(settings),
        ),
        host=settings.web.host,
        port=settings.web.port,
        tls=_tls(settings),
    )


def _trial(ground: Ground, house: House) -> LineTrial:
    """Of calls that find what real ones find."""
    return LineTrial(
        clock=house.clock,
        zone=house.zone,
        language=house.language,
        callers=Callers(
            database=ground.database,
            customers=house.customers,
            places=house.places,
            familiar=house.familiar,
            listed=house.blacklist.find,
            at_extension=house.acd.at_extension,
        ),
    )


def _web_options(settings: Settings) -> WebOptions:
    return WebOptions(
        origins=settings.web.allowed_origins,
        metrics_from=tuple(ip_network(network) for network in settings.web.metrics_from),
        proxies=Proxies(
            tuple(ip_network(network) for network in settings.web.trusted_proxies),
            settings.web.forwarded_header,
        ),
    )


def _tls(settings: Settings) -> Tls | None:
    web = settings.web
    if web.tls_certificate is None or web.tls_key is None:
        return None
    return Tls(web.tls_certificate, web.tls_key)

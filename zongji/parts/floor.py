"""The floor: the line that is live, the agents, Asterisk's links, and what is recorded."""

import contextlib
from dataclasses import dataclass

from acd.fallback import FallbackMembers
from acd.journal import Journal
from acd.lineplan import LinePlan
from acd.pausing import Pausing
from acd.recording_space import RecordingSpace
from acd.service import AcdService
from acd.store import AcdStore
from acd.surveys import Surveys
from ami_bridge.events import AsteriskEvent, LinkUp
from ami_bridge.node import NodeSettings
from ami_bridge.nodes import AsteriskNodes
from crm_core.blacklist.live import LiveBlacklist
from crm_core.errors import DatabaseUnavailable
from ivr.capacity import Capacity
from ivr.line.live import LiveLine
from ivr.line.service import seed
from ivr.prompt_watch import PromptWatch
from ivr.prompts import PromptLibrary
from ivr.recordings import RecordingNotes, Recordings
from zongji.core import now
from zongji.parts.ground import Ground
from zongji.parts.recording import start_pausing, start_recording, start_room


@dataclass(frozen=True, slots=True)
class Floor:
    """What calls meet, for whoever answers them or shows them; `silent`: the prompts that callers would not hear."""

    live: LiveLine
    prompts: PromptLibrary
    silent: PromptWatch
    recordings: Recordings
    blacklist: LiveBlacklist
    nodes: AsteriskNodes
    calls: AcdStore
    surveys: Surveys
    acd: AcdService
    pausing: Pausing
    room: RecordingSpace
    capacity: Capacity


async def open_floor(
    ground: Ground, live: LiveLine, prompts: PromptLibrary, nodes: AsteriskNodes
) -> Floor:
    """Agents and open calls as the daemon before left them; Asterisk is not asked yet."""
    database, bus = ground.database, ground.bus
    blacklist = await follow_blacklist(ground)
    calls = AcdStore(database)
    acd = await _acd(ground, live.now.plan, calls)
    live.on_change(acd.adopt)
    ground.run(live)
    silent = PromptWatch(prompts, lambda: live.now.menus)
    ground.run(silent)
    recordings = Recordings(ground.settings.var / "prompts", now)
    ground.run(RecordingNotes(recordings, lambda: live.now.menus))
    bus.subscribe(acd.on_asterisk_event, AsteriskEvent)
    await _fallback(ground, acd, nodes)
    room = await start_room(ground)
    return Floor(
        live=live,
        prompts=prompts,
        silent=silent,
        recordings=recordings,
        blacklist=blacklist,
        nodes=nodes,
        calls=calls,
        surveys=Surveys(database, zone=ground.settings.zone),
        acd=acd,
        pausing=await start_pausing(ground, acd, nodes, room),
        room=room,
        capacity=Capacity(
            words=ground.settings.capacity.words, music=ground.settings.capacity.music
        ),
    )


async def follow_line(ground: Ground, prompts: PromptLibrary) -> LiveLine:
    """The line of the newest version; the first one is the file that Zongji came with."""
    settings, database = ground.settings, ground.database
    shipped = settings.line_file
    with contextlib.suppress(DatabaseUnavailable):
        await seed(database, shipped.read_text(encoding="utf-8"), now())
    live = LiveLine(
        database,
        shipped=shipped,
        kept=settings.var / "line.yaml",
        prepare=prompts.prepare,
        today=lambda: now().astimezone(settings.zone).date(),
    )
    await live.first()
    return live


async def follow_blacklist(ground: Ground) -> LiveBlacklist:
    """Who is on the list, known before the first call."""
    settings = ground.settings
    blacklist = LiveBlacklist(
        ground.database, settings.blacklist.rules, kept=settings.var / "blacklist.json", clock=now
    )
    await blacklist.first()
    ground.run(blacklist)
    return blacklist


def asterisk_nodes(ground: Ground) -> AsteriskNodes:
    """Links to each Asterisk, not begun yet."""
    return AsteriskNodes(
        [
            NodeSettings(
                name=node.name,
                host=node.host,
                port=node.port,
                username=node.username,
                secret=node.secret.get_secret_value(),
            )
            for node in ground.settings.asterisk
        ],
        on_event=ground.bus.publish,
    )


async def _acd(ground: Ground, plan: LinePlan, calls: AcdStore) -> AcdService:
    """The ACD and, behind it, the recordings of its calls."""
    settings = ground.settings
    journal = Journal(settings.var / "journal")
    acd = AcdService(
        plan, bus=ground.bus, store=calls, journal=journal, zone=settings.zone, clock=now
    )
    await acd.start()
    ground.stack.push_async_callback(acd.close)
    await start_recording(ground, acd, journal)
    return acd


async def _fallback(ground: Ground, acd: AcdService, nodes: AsteriskNodes) -> None:
    """Asterisk's own queue knows the agents, for the time when no daemon answers."""
    members = {name: FallbackMembers(ground.bus, nodes.client(name).send) for name in nodes.names}
    ground.bus.subscribe(lambda event: members[event.node].link_up(), LinkUp)
    for member in members.values():
        await member.start(acd.agent_views())
        ground.stack.push_async_callback(member.close)

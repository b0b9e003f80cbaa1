"""What is wrong with this machine or the running service, each with how to mend it."""

import asyncio
import shutil
from dataclasses import dataclass

import aiohttp

from acd.recording_space import MB, free_bytes
from crm_core.db import Database
from ivr.line_file import load_line
from ivr.prompts import PromptLibrary
from orders.delivery.papers import fonts
from zongji import settings
from zongji.cli.options import line_file
from zongji.installation import Installation
from zongji.platform import system
from zongji.settings import Settings, SettingsError

_ENOUGH_BYTES = 2 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    good: bool
    said: str


async def examine(installation: Installation) -> list[Finding]:
    """Everything worth looking at, good or bad."""
    return [
        _disk(installation),
        _programs(installation),
        _browser(),
        _line(installation),
        await asyncio.to_thread(paper_font),
        *await _service(),
    ]


def _disk(installation: Installation) -> Finding:
    existing = next(p for p in (installation.var, *installation.var.parents) if p.exists())
    free = shutil.disk_usage(existing).free
    said = f"{free / (1 << 30):.1f} GB free at {existing}"
    return Finding(
        "disk", free >= _ENOUGH_BYTES, said + ("" if free >= _ENOUGH_BYTES else "; 2 GB are needed")
    )


def _programs(installation: Installation) -> Finding:
    found = (installation.programs / "zongji.stamp").exists()
    return Finding("Asterisk", found, "unpacked" if found else "run `zongji asterisk install`")


def _browser() -> Finding:
    found = system.browser()
    return Finding(
        "browser for the tests", found is not None, found or "run `zongji tools --for-tests`"
    )


def _line(installation: Installation) -> Finding:
    _, menus = load_line(line_file())
    problems = PromptLibrary(installation.prompts).check(menus)
    said = (
        f"{len(menus.by_name)} menus, prompts complete" if not problems else "; ".join(problems[:3])
    )
    return Finding("menus and prompts", not problems, said)


def paper_font() -> Finding:
    """Whether shipping papers carry their own Chinese characters, rare ones too."""
    try:
        own = settings.load().paper_font
    except SettingsError:
        own = None
    found = fonts.found(own)
    if not found.embedded:
        said = (
            "none can be embedded, papers need STSong-Light where they are printed: run"
            f" `sudo apt-get install {system.PAPER_FONT}` or set paper_font to a TrueType font"
        )
        return Finding("font of shipping papers", good=False, said=said)
    rare = "" if found.rare else f"; for rare characters install {system.RARE_PAPER_FONT}"
    return Finding("font of shipping papers", good=True, said=f"{found.name}{rare}")


def _room(known: Settings) -> Finding:
    what, chosen = "room for recordings", known.recording
    try:
        free_mb = free_bytes(known.recording_folder) // MB
    except OSError as error:
        return Finding(what, good=False, said=f"{error}: is the disk mounted?")
    limits = f"; warns below {chosen.warn_below_mb}, stops recording below {chosen.stop_below_mb}"
    good = free_mb >= chosen.warn_below_mb
    mend = (
        ""
        if good
        else ": remove old recordings by `recording.kept_days`, or give them a larger disk"
    )
    return Finding(what, good, f"{free_mb} MB{limits}{mend}")


async def _service() -> list[Finding]:
    try:
        known = settings.load()
    except SettingsError as error:
        return [Finding("settings", good=False, said=f"{error}")]
    found = [_room(known)]
    database = Database(known.database_url.get_secret_value())
    try:
        there = await database.ping()
    finally:
        await database.close()
    found += [Finding("database", there, "answers" if there else "does not answer: is it started?")]
    try:
        async with (
            aiohttp.ClientSession() as http,
            asyncio.timeout(3),
            http.get(f"{known.web.address}/api/health") as answer,
        ):
            said = "answers" if answer.ok else f"is not well: {await answer.text()}"
            found.append(Finding("daemon", answer.ok, said))
    except (aiohttp.ClientError, TimeoutError):
        found.append(Finding("daemon", good=False, said=f"nothing answers at {known.web.address}"))
    return found

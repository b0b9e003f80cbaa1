"""Where the stack of these tests lies: ports and loopback addresses that nobody has, a quick order line.

Rule: nothing differs from a real installation but places and waiting times; the line's menus, queues
and routes are the shipped ones.
"""

import random
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import reportlab
import yaml

from ivr.line_file import load_line
from ivr.prompts import PromptLibrary
from zongji.cli.line import speech
from zongji.cli.options import line_file
from zongji.installation import Installation, Ports
from zongji.platform import debian
from zongji.platform.site import Site
from zongji.settings import ROOT

DID = "4006001001"
FONT = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
"""Without Chinese signs, but on every machine."""

SHORT = "4006001009"
"""A number only this line has: one key, and the caller's area decides."""

OUTWARD, ABSENT = "4006001011", "4006001012"
"""Numbers of queues that nobody serves: one leads to an outside number, one by an announcement to voicemail."""

TOLD = "4006001013"
"""The number of a queue in which callers are told their place a second after they came."""

SKILLED = {
    "name": "skilled",
    "when": {"area_code": ["0315"]},
    "skills": {"wine": 3},
    "relax": [{"after_s": 3}],
}
RING_S = 4
_RETRY_FALLBACK_S = 5
_OFFSETS = range(20_000, 25_000, 50)


@dataclass(frozen=True)
class QuickInstallation(Installation):
    """The plain queue asks for the daemon more often."""

    def site(self) -> Site:
        site = super().site()
        daemon = site.daemon.model_copy(update={"fallback_s": _RETRY_FALLBACK_S})
        return site.model_copy(update={"daemon": daemon})


def installation(folder: Path, *, with_queues: bool = True) -> Installation:
    """An installation in `folder` with all it needs before it is started; `with_queues` that only tests call."""
    third = random.randint(2, 250)  # another run of these tests may be under way
    made = QuickInstallation(
        var=folder,
        ports=_free_ports(),
        pbx_address=f"127.20.{third}.1",
        carrier_address=f"127.20.{third}.2",
    )
    debian.unpack(made.programs, lambda _: None)
    _share_prompts(made)
    line = folder / "line.yaml"
    line.write_text(_quick_line(with_queues=with_queues), encoding="utf-8")
    made.settings_file.write_text(
        f'line_file = "{line}"\ntimezone = "{_where_it_is_noon()}"\n[fax]\nfont = "{FONT}"\n'
    )
    return made


def _share_prompts(made: Installation) -> None:
    """Spoken once for all runs."""
    shared = ROOT / ".zongji" / "prompts"
    shared.mkdir(parents=True, exist_ok=True)
    made.prompts.symlink_to(shared, target_is_directory=True)
    _, menus = load_line(line_file())
    PromptLibrary(shared).compile(menus, speech(made.prefix), lambda _: None)


def _quick_line(*, with_queues: bool) -> str:
    """The shipped line with short ringing, one more number, and callers from Tangshan who ask for a skill."""
    line = yaml.safe_load(line_file().read_text(encoding="utf-8"))
    for queue in line["queues"].values():
        queue["ring_s"] = RING_S
    if with_queues:
        _add_queues(line)
    for survey in line["surveys"].values():
        survey |= {"min_talk_s": 0, "not_again_days": 0}
    line["dids"][SHORT] = {"medium": "直线", "menu": "wholesale"}
    line["routes"].insert(0, SKILLED)
    return yaml.safe_dump(line, allow_unicode=True, sort_keys=False)


def _add_queues(line: dict[str, Any]) -> None:
    for queue, did, *steps in (
        ("outward", OUTWARD, {"outside": "02288880001"}),
        ("absent", ABSENT, {"announce": "absent"}, {"voicemail": "service"}),
    ):
        overflow = [{"when": "nobody_there"} | step for step in steps]
        line["queues"][queue] = {"label_zh": queue, "label_en": queue, "overflow": overflow}
        line["dids"][did] = {"medium": "直线", "queue": queue}
    line["announcements"]["absent"] = {"zh": "没有人。", "en": "Nobody is here."}
    told = {"announce_first_s": 1, "announce_every_s": 10, "ring_s": RING_S}
    line["queues"]["told"] = {"label_zh": "told", "label_en": "told"} | told
    line["dids"][TOLD] = {"medium": "直线", "queue": "told"}


def _where_it_is_noon() -> str:
    """A time zone in which call-backs may be dialled whenever the tests run."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}"


def _free_ports() -> Ports:
    offsets = list(_OFFSETS)
    random.shuffle(offsets)
    for offset in offsets:
        ports = Ports().shifted(offset)
        numbers = {port for name, port in vars(ports).items() if name != "first_rtp"}
        if all(_is_free(port) for port in numbers):
            return ports
    raise AssertionError("no free ports for the tests")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True

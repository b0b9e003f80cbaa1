"""The simulated carrier: a second Asterisk with callers, called numbers and the agents' desk phones.

Rule: it talks to the PBX by SIP only, from an address of its own, like the carrier it stands for.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from crm_core.whole_files import write_if_changed
from zongji.platform import carrier_sounds
from zongji.platform.asterisk import TEMPLATES, AsteriskFiles, AsteriskProcess
from zongji.platform.debian import Prefix
from zongji.platform.site import AgentPhone, Secrets, Site

PhoneMode = Literal["answer", "noanswer", "busy", "reject", "transfer", "consult"]

_SHARED = (
    *("asterisk", "modules", "logger", "musiconhold", "cdr", "cel", "ccss", "acl", "pjproject"),
    *("indications", "udptl", "res_fax", "queuerules", "confbridge", "amd", "features", "rtp"),
)


@dataclass(frozen=True)
class CarrierPorts:
    """Where the carrier listens: SIP on the trunk's address, its manager on loopback, RTP."""

    manager_port: int = 5138
    first_rtp_port: int = 30000
    last_rtp_port: int = 39999


def write_carrier(
    prefix: Prefix,
    folder: Path,
    site: Site,
    ports: CarrierPorts,
    *,
    secrets: Secrets,
    phones: Iterable[AgentPhone],
) -> AsteriskFiles:
    """Write the carrier's whole configuration for this PBX and these desk phones."""
    values = site.values() | {
        "systemname": "carrier",
        "transmit_silence": "yes",  # a real telephone sends sound all the time
        "carrier_bind": site.trunk.address,
        "carrier_port": str(site.trunk.port),
        "carrier_manager_bind": "127.0.0.1",
        "carrier_manager_port": str(ports.manager_port),
        "carrier_sounds": str(folder / "sounds"),
        "rtp_first_port": str(ports.first_rtp_port),
        "rtp_last_port": str(ports.last_rtp_port),
        "secret_carrier": secrets["carrier"],
        "phone_ring": "1",
        "phone_talk": "600",
    }
    carrier_sounds.speak(prefix, folder / "sounds")
    templates = folder / "templates"
    templates.mkdir(parents=True, exist_ok=True)
    for name in _SHARED:
        source = TEMPLATES / f"{name}.conf"
        write_if_changed(templates / source.name, source.read_text(encoding="utf-8"))
    for source in sorted((TEMPLATES / "carrier").glob("*.conf")):
        write_if_changed(templates / source.name, source.read_text(encoding="utf-8"))
    files = AsteriskFiles(prefix, folder, templates)
    files.write(values)
    write_if_changed(files.etc / "pjsip_phones.conf", _registrations(phones, site))
    return files


def _registrations(phones: Iterable[AgentPhone], site: Site) -> str:
    server = f"{site.sip.bind}:{site.sip.udp_port}"
    return "".join(
        f"[{phone.extension}](phone)\n"
        f"client_uri = sip:{phone.extension}@{server}\ncontact_user = {phone.extension}\n"
        f"outbound_auth = auth-{phone.extension}\n"
        f"[auth-{phone.extension}](phone-auth)\n"
        f"username = {phone.extension}\npassword = {phone.secret}\n"
        f"[line-{phone.extension}](phone-line)\n"
        f"outbound_auth = auth-{phone.extension}\nfrom_user = {phone.extension}\n\n"
        for phone in phones
        if not phone.browser
    )


class CarrierProcess(AsteriskProcess):
    """The running carrier."""

    async def set_phone(
        self,
        extension: str,
        *,
        mode: PhoneMode = "answer",
        ring_s: float = 1,
        talk_s: float = 600,
        to: str = "0",
    ) -> None:
        """Decide how a desk phone behaves from its next call on; one that transfers, or consults first,
        does so when `to` is one.
        """
        if not (extension.isdigit() and to.isdigit()):
            raise ValueError("an extension is digits")
        talk = f"{talk_s:g}"
        for name, value in (("mode", mode), ("ring", f"{ring_s:g}"), ("talk", talk), ("to", to)):
            await self.console(f"database put phone/{extension} {name} {value}")

    async def registered(self) -> int:
        """How many desk phones are registered at the PBX."""
        return (await self.console("pjsip show registrations")).count(" Registered")

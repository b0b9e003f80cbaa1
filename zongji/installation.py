"""One machine's installation under one folder: what is where, and on which ports.

Rule: everything that `zongji run` makes lies in `var`; two installations on one machine differ in
folder, ports and loopback addresses only.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

import tomli_w

from crm_core.whole_files import write_if_changed
from zongji.platform.asterisk import TEMPLATES, AsteriskFiles
from zongji.platform.carrier import CarrierPorts
from zongji.platform.debian import Prefix
from zongji.platform.site import Part, Rtp, Secrets, Site
from zongji.settings import ROOT

P = TypeVar("P", bound=Part)


@dataclass(frozen=True)
class Ports:
    """Every port of an installation on loopback."""

    web: int = 8080
    agi: int = 4573
    manager: int = 5038
    sip: int = 5060
    sips: int = 5061
    http: int = 8088
    https: int = 8089
    postgres: int = 5433
    carrier_sip: int = 5060
    carrier_manager: int = 5138
    smtp: int = 8025
    gateway: int = 8027
    first_rtp: int = 20000

    def shifted(self, offset: int) -> "Ports":
        """The same ports, each moved by `offset`."""
        return replace(self, **{name: port + offset for name, port in vars(self).items()})


@dataclass(frozen=True)
class Installation:
    """Where everything lies. `programs` (Asterisk and friends) may be shared between several."""

    var: Path = ROOT / ".zongji"
    ports: Ports = Ports()
    programs: Path = ROOT / ".zongji" / "asterisk"
    pbx_address: str = "127.0.0.1"
    carrier_address: str = "127.0.0.2"

    @property
    def prefix(self) -> Prefix:
        return Prefix(self.programs)

    @cached_property
    def secrets(self) -> Secrets:
        return Secrets(self.var)

    @property
    def settings_file(self) -> Path:
        return self.var / "zongji.toml"

    @property
    def pbx(self) -> AsteriskFiles:
        return AsteriskFiles(self.prefix, self.var / "pbx")

    @property
    def fax_folder(self) -> Path:
        """Where Asterisk leaves faxes, and the daemon keeps them."""
        return self.pbx.faxes

    @property
    def prompts(self) -> Path:
        return self.var / "prompts"

    @property
    def carrier_ports(self) -> CarrierPorts:
        first = self.ports.first_rtp + 10_000
        return CarrierPorts(self.ports.carrier_manager, first, first + 9_999)

    def site(self) -> Site:
        """asterisk-conf/site.toml with this installation's addresses and ports."""
        shipped = Site.load(TEMPLATES / "site.toml")
        ports, address, carrier = self.ports, self.pbx_address, self.carrier_address
        return shipped.model_copy(
            update={
                "sip": _with(shipped.sip, bind=address, udp_port=ports.sip, tls_port=ports.sips),
                "http": _with(shipped.http, bind=address, port=ports.http, tls_port=ports.https),
                "rtp": Rtp(first_port=ports.first_rtp, last_port=ports.first_rtp + 9_999),
                "manager": _with(shipped.manager, port=ports.manager),
                "daemon": _with(shipped.daemon, port=ports.agi),
                "trunk": _with(
                    shipped.trunk,
                    address=carrier,
                    port=ports.carrier_sip,
                    permit=f"{carrier}/32",
                ),
            }
        )

    @property
    def gateway_keys(self) -> Path:
        """Those of the sandbox gateway and its merchant."""
        return self.var / "gateway"

    @property
    def _voice(self) -> Mapping[str, object]:
        prefix = self.prefix
        return {"espeak": prefix.espeak(), "sox": prefix.command("usr/bin/sox")}

    def _link_keys(self, known: Mapping[str, Any]) -> list[str]:
        """A list that people changed stays: links under a key that is gone would be dead."""
        kept: list[str] = known.get("links", {}).get("keys", [])
        return kept or [self.secrets["link-key"]]

    def _trial_address(self, known: Mapping[str, Any]) -> str:
        """Where the trial's messages send customers to, unless people wrote where the pages are."""
        loopback, web = f"http://127.0.0.1:{self.ports.web}", known.get("web", {})
        written = [each for each in (web.get("public_url"), *web.get("origins", ())) if each]
        return next((str(each) for each in written if not _is_loopback(each)), loopback)

    def write_settings(
        self,
        database_url: str,
        *,
        mail: bool = False,
        wechat_pay: Mapping[str, str] | None = None,
    ) -> None:
        """Write what follows from this installation into the daemon's settings file.

        Everything else that people wrote there is kept. `mail`: to the trial mailbox, and messages may be
        said with the private prefix's speech programs; `wechat_pay`: at the sandbox gateway.
        """
        known = tomllib.loads(self.settings_file.read_text()) if self.settings_file.exists() else {}
        wanted: dict[str, object] = {
            "var": str(self.var),
            "database_url": database_url,
            # A key that people set stays: under another one no authenticator could be read.
            "secrets_key": known.get("secrets_key", self.secrets["secrets-key"]),
            "web": {
                "port": self.ports.web,
                **({"public_url": self._trial_address(known)} if mail else {}),
            },
            "links": {"keys": self._link_keys(known)},
            "agi": {"port": self.ports.agi},
            **({"mail": {"port": self.ports.smtp}, "voice": self._voice} if mail else {}),
            **({"wechat_pay": wechat_pay} if wechat_pay else {}),
            "asterisk": [
                {
                    "name": "pbx1",
                    "host": "127.0.0.1",
                    "port": self.ports.manager,
                    "username": "zongji",
                    "secret": self.secrets["manager"],
                }
            ],
        }
        write_if_changed(self.settings_file, tomli_w.dumps(_merged(known, wanted)))


def _is_loopback(address: str) -> bool:
    return address.startswith("http://127.0.0.1:")


def _with(part: P, **changes: object) -> P:
    """The part with changes, checked again."""
    return type(part).model_validate({**part.model_dump(), **changes})


def _merged(known: Mapping[str, object], wanted: Mapping[str, object]) -> dict[str, object]:
    """`known` with what is wanted in it: tables by their settings, lists of tables by `name`."""
    merged = dict(known)
    for key, value in wanted.items():
        before = known.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            merged[key] = _merged(before, value)
        elif isinstance(before, list) and _is_tables(value):
            merged[key] = _merged_by_name(before, value)
        else:
            merged[key] = value
    return merged


def _is_tables(value: object) -> TypeGuard[list[Mapping[str, object]]]:
    return isinstance(value, list) and all(isinstance(item, Mapping) for item in value)


def _merged_by_name(
    known: Sequence[Mapping[str, object]], wanted: Sequence[Mapping[str, object]]
) -> list[Mapping[str, object]]:
    mine = {item["name"]: item for item in wanted}
    kept = [_merged(item, mine.pop(item.get("name"), {})) for item in known]
    return [*kept, *mine.values()]

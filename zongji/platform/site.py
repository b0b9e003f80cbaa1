"""What differs from site to site: `asterisk-conf/site.toml`, and the secrets made at installation.

Rule: a wrong value is refused with its name and what it should be; secrets are made once, by the
system's random source, and lie in one file only its owner can read.
"""

import re
import secrets
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from crm_core.whole_files import write_if_changed
from zongji.platform.errors import PlatformError


def _network(value: str) -> str:
    ip_network(value)
    return value


_EXTENSION = re.compile(r"[0-9]{3,6}", re.ASCII)
_SECRET = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)

Port = Annotated[int, Field(ge=1, le=65535)]
Host = Annotated[str, Field(pattern=r"^[0-9A-Za-z.:\-\[\]]+$")]
Network = Annotated[str, AfterValidator(_network)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sip(Part):
    bind: Host
    udp_port: Port
    tls_port: Port
    external_address: str = Field(default="", pattern=r"^[0-9A-Za-z.:\-]*$")
    local_net: Network


class Http(Part):
    bind: Host
    port: Port
    tls_port: Port


class Rtp(Part):
    first_port: Port
    last_port: Port


class ManagerPart(Part):
    bind: Host
    port: Port
    permit: Network


class DaemonPart(Part):
    host: Host
    port: Port
    tries: int = Field(ge=0, le=100)
    fallback_s: int = Field(ge=5, le=3600)
    give_up_s: int = Field(ge=30, le=86_400)
    sorry: str = Field(default="", pattern=r"^[\w./&-]*$")


class Trunk(Part):
    address: Host
    port: Port
    permit: Network
    codecs: str = Field(pattern=r"^[a-z0-9,]+$")
    calls_at_once: int = Field(ge=0)
    caller_id: str = Field(pattern=r"^\+?[0-9]*$")


class Site(Part):
    """The whole of site.toml."""

    sip: Sip
    http: Http
    rtp: Rtp
    manager: ManagerPart
    daemon: DaemonPart
    trunk: Trunk

    @classmethod
    def load(cls, path: Path) -> "Site":
        """Raises PlatformError naming the file and each wrong value."""
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
            )
            raise PlatformError(f"{path}: {wrong}") from error
        except OSError as error:
            raise PlatformError(f"{path} cannot be read: {error.strerror}.") from error
        except ValueError as error:
            raise PlatformError(f"{path}: {error}") from error

    def values(self) -> dict[str, str]:
        """Every value as `section_name`, for the templates."""
        return {
            f"{section}_{name}": str(value)
            for section, part in self.model_dump().items()
            for name, value in part.items()
        }


@dataclass(frozen=True)
class AgentPhone:
    """An agent's extension and the secret its phone registers with.

    Raises PlatformError for what would not stay within its line of the configuration.
    """

    extension: str
    name: str
    secret: str
    browser: bool = False

    def __post_init__(self) -> None:
        if not _EXTENSION.fullmatch(self.extension):
            raise PlatformError(
                f"Extension {self.extension!r} of {self.name}: 3 to 6 digits please."
            )
        if not _SECRET.fullmatch(self.secret):
            raise PlatformError(
                f"The secret of extension {self.extension}: letters, digits, '-' and '_' only, "
                "16 to 64 of them."
            )


class Secrets:
    """`<folder>/secrets.toml`: name → secret, made when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "secrets.toml"
        self._known: dict[str, str] = {}
        if self._path.exists():
            self._known = tomllib.loads(self._path.read_text())

    def __getitem__(self, name: str) -> str:
        if name not in self._known:
            self._known[name] = secrets.token_urlsafe(24)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lines = [f'"{key}" = "{value}"\n' for key, value in sorted(self._known.items())]
            write_if_changed(self._path, "".join(lines))
        return self._known[name]


def render_phones(phones: Iterable[AgentPhone]) -> str:
    """The content of pjsip_agents.conf: endpoint, log-in and registrations of each phone."""
    return "".join(
        f"[{phone.extension}]({'browser-phone' if phone.browser else 'phone'})\n"
        f"auth = {phone.extension}\naors = {phone.extension}\n"
        f"[{phone.extension}](phone-auth)\n"
        f"username = {phone.extension}\npassword = {phone.secret}\n"
        f"[{phone.extension}](phone-aor)\n\n"
        for phone in sorted(phones, key=lambda phone: phone.extension)
    )

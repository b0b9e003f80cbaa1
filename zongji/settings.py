"""Every setting of the daemon, from one TOML file and the environment (`ZONGJI_WEB__PORT=…`).

Rule: a setting has a safe default (loopback, no secret), and a wrong one is refused at start with its
name and what it should be.
"""

import os
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from crm_core.blacklist.policy import BlacklistRules, Policy
from dialer.rules.verdict import DialRules
from zongji.dialling_settings import DiallingSettings
from zongji.message_settings import (
    PROVIDERS,
    FaxSettings,
    MailSettings,
    MessageSettings,
    SenderSettings,
    SmsSettings,
    VoiceSettings,
    WeComSettings,
)
from zongji.section import Section

ROOT = Path(__file__).resolve().parent.parent


class SettingsError(Exception):
    """A settings file that cannot be used; the message names each wrong setting."""


class WebSettings(Section):
    """Where the pages and the HTTP API are served."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)
    origins: tuple[str, ...] = Field(
        default=(), description="addresses people type; the loopback ones are always allowed"
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#]+$",
        description="the address that customers reach the pages of their orders at; without it the first of `origins`",
    )
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    metrics_from: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    trusted_proxies: tuple[str, ...] = Field(
        default=(),
        description="networks of the proxies before the daemon; only these are believed whom they ask for",
    )
    forwarded_header: Literal["X-Forwarded-For", "Forwarded"] = Field(
        default="X-Forwarded-For", description="the header in which those proxies say it"
    )

    @field_validator("metrics_from", "trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network)
        return value

    @property
    def customers_address(self) -> str | None:
        """None: customers get no links."""
        return self.public_url or next(iter(self.origins), None)

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """The customers' address is one of them."""
        return self.origins if self.public_url is None else (*self.origins, self.public_url)

    @property
    def address(self) -> str:
        scheme = "https" if self.tls_certificate else "http"
        return f"{scheme}://{self.host}:{self.port}"


class AgiSettings(Section):
    """Where Asterisk's calls enter. FastAGI has no log-in, so only these networks may connect."""

    host: str = "127.0.0.1"
    port: int = Field(default=4573, ge=1, le=65535)
    allowed: tuple[str, ...] = ("127.0.0.0/8",)
    connections: int = Field(default=2000, ge=1)

    @field_validator("allowed")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network)
        return value

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(network) for network in self.allowed)


class AsteriskNode(Section):
    """One Asterisk server and its manager log-in."""

    name: str = "pbx1"
    host: str = "127.0.0.1"
    port: int = Field(default=5038, ge=1, le=65535)
    username: str = "zongji"
    secret: SecretStr


class WechatPaySettings(Section):
    """WeChat Pay (API v3) or the sandbox gateway; without this section nobody pays online."""

    endpoint: str = Field(pattern=r"^https?://[^/]+$")
    app_id: str
    merchant: str
    serial: str = Field(description="of the merchant's certificate")
    key_file: Path = Field(description="the merchant's private key, PEM")
    platform_serial: str
    platform_key_file: Path = Field(description="WeChat Pay's public key, PEM")
    api_key: SecretStr = Field(min_length=32, max_length=32, description="the API v3 key")
    notify_url: str = Field(description="…/api/gateway/wechat, as WeChat Pay reaches it")


LinkKey = Annotated[SecretStr, Field(min_length=32)]


class LinkSettings(Section):
    """Links by which customers see their orders. The first of `keys` seals new links, all of them are recognised: to
    change the key, put the new one in front and take the old one out after `days`.
    """

    keys: tuple[LinkKey, ...] = ()
    days: int = Field(default=30, ge=1, le=365, description="after the order's last step")
    show_prices: bool = False


class ConnectionSettings(Section):
    """What webhooks, ERP and shops may be called besides the internet."""

    allowed: tuple[str, ...] = Field(
        default=(), description="networks such as 10.0.3.0/24; these also over plain http"
    )

    @field_validator("allowed")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network)
        return value

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(network) for network in self.allowed)


class AccountSettings(Section):
    """What is asked of passwords and log-ins. After so many wrong ones each next try waits longer."""

    shortest_password: int = Field(default=10, ge=8, le=64, description="characters")
    remembered_passwords: int = Field(
        default=5, ge=1, le=24, description="the last ones, none of which may be taken again"
    )
    password_days: int | None = Field(
        default=None,
        ge=1,
        le=3650,
        description="an older password is to be changed at the next log-in; None: never",
    )
    idle_min: int = Field(default=120, ge=5, le=1440, description="a page left alone is logged out")
    session_hours: int = Field(default=16, ge=1, le=168, description="the longest log-in")
    tries: int = Field(default=5, ge=1, le=100, description="of one log-in name")
    tries_per_address: int = Field(
        default=30, ge=1, le=10_000, description="of one network address"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.idle_min > self.session_hours * 60:
            raise ValueError("idle_min is longer than session_hours: make it shorter")
        if self.tries_per_address < self.tries:
            raise ValueError("tries_per_address is less than tries: an office shares an address")
        return self


class SelfServiceSettings(Section):
    """What callers hear by keypad, and what is asked of the PINs of dealers."""

    best_sellers: int = Field(default=5, ge=1, le=20, description="told at most")
    best_sellers_days: int = Field(default=30, ge=1, le=400, description="whose sales count")
    new_products: int = Field(default=5, ge=1, le=20, description="told at most")
    new_products_days: int = Field(
        default=60, ge=1, le=400, description="so long after it was entered a product is new"
    )
    shortest_pin: int = Field(default=6, ge=4, le=8, description="digits")
    pin_tries: int = Field(default=5, ge=1, le=20, description="wrong ones before it is locked")
    pin_lock_min: int = Field(default=60, ge=1, le=1440)


class CallSettings(Section):
    """How long records of calls are kept; None: for ever. The calls themselves stay, with their figures."""

    keep_steps_days: int | None = Field(
        default=None, ge=30, le=36_500, description="every step of a call, keys among them"
    )
    keep_personal_days: int | None = Field(
        default=None, ge=30, le=36_500, description="numbers, names and places in calls"
    )

    @model_validator(mode="after")
    def _steps_first(self) -> Self:
        personal = self.keep_personal_days
        if personal is not None and (self.keep_steps_days or personal + 1) > personal:
            raise ValueError(
                "keep_steps_days must be given and no longer than keep_personal_days: steps tell of people, too"
            )
        return self


def _heard_at_once() -> int:
    return 50 * (os.cpu_count() or 1)


class CapacitySettings(Section):
    """How many callers of one Asterisk hear something at once: a core plays to some 300 (docs/performance.md), and has
    other work. Further callers ring on, and wait without music. The defaults are for an Asterisk on this machine.
    """

    words: int = Field(
        default_factory=_heard_at_once,
        ge=1,
        description="callers in menus, and hearing a prompt in the line (50 for each core)",
    )
    music: int = Field(
        default_factory=_heard_at_once, ge=0, description="callers hearing music (50 for each core)"
    )


class RecordingSettings(Section):
    """How calls are recorded, and for how long that is kept. The first of `keys` encrypts new files, all of them are
    recognised: to change the key, put the new one in front.
    """

    pause_limit_s: int = Field(
        default=600, ge=10, le=7200, description="after so long a pause ends by itself"
    )
    kept_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="older recordings are removed, unless their queue says otherwise; None: they stay",
    )
    voicemails_kept_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="older messages of callers are removed; None: they stay",
    )
    encrypt: bool = False
    keys: tuple[LinkKey, ...] = ()
    warn_below_mb: int = Field(default=2_000, ge=1, description="less free space is warned of")
    stop_below_mb: int = Field(
        default=500,
        ge=1,
        description="with less free space no recording is begun, and those under way end",
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.encrypt and not self.keys:
            raise ValueError("encrypt needs a key: give `keys` one of at least 32 characters")
        if self.stop_below_mb > self.warn_below_mb:
            raise ValueError("stop_below_mb is more than warn_below_mb: warn earlier")
        return self


class PrivacySettings(Section):
    """What the house does besides the law."""

    remind_days: int = Field(
        default=5,
        ge=1,
        le=14,
        description="so long before a person's request must be answered, those who may answer it get a to-do",
    )


class BlacklistSettings(Section):
    """Callers who are rejected or warned of."""

    votes: int = Field(
        default=3,
        ge=1,
        le=100,
        description="so many different agents' votes put a number on the list",
    )
    period_days: int = Field(default=30, ge=1, le=3_650, description="a vote counts so long")
    block_days: int | None = Field(
        default=90,
        ge=1,
        le=3_650,
        description="an entry by votes holds so long; None: until lifted",
    )
    by_votes: Policy = Field(
        default=Policy.REJECT, description="what becomes of such a caller: reject or warn"
    )
    protected_levels: tuple[str, ...] = Field(
        default=(), description="customers of these levels are never rejected, only warned of"
    )
    busy: bool = Field(
        default=False, description="who is rejected hears the busy tone instead of words"
    )

    @property
    def rules(self) -> BlacklistRules:
        block = None if self.block_days is None else timedelta(days=self.block_days)
        return BlacklistRules(
            votes=self.votes,
            period=timedelta(days=self.period_days),
            block=block,
            by_votes=self.by_votes,
            protected=self.protected_levels,
            busy=self.busy,
        )


class Settings(BaseSettings):
    """The whole file. `var` is where everything the daemon writes lies."""

    model_config = SettingsConfigDict(
        env_prefix="ZONGJI_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    var: Path = ROOT / ".zongji"
    database_url: SecretStr = Field(
        description="PostgreSQL 15 or newer: postgresql://user:pw@host/db"
    )
    line_file: Path = ROOT / "asterisk-conf" / "line.yaml"
    recordings: Path | None = None
    recording: RecordingSettings = RecordingSettings()
    capacity: CapacitySettings = CapacitySettings()
    dialling: DiallingSettings = DiallingSettings()
    faxes_keep_days: int | None = Field(
        default=None,
        ge=30,
        le=36_500,
        description="older faxes are removed with their sheets; None: they stay",
    )
    secrets_key: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="encrypts the secrets of authenticators and connections; without it there are none",
    )
    company: str = Field(default="总机商贸", description="the name that customers read in messages")
    timezone: str = "Asia/Shanghai"
    language: Literal["zh", "en"] = "zh"
    watchdog_s: float = Field(default=5.0, gt=0.2, description="a daemon silent this long is ended")
    trunk: str = Field(default="trunk", description="the PJSIP endpoint that carries calls out")
    home_area_code: str | None = Field(
        default=None,
        pattern=r"^0\d{2,3}$",
        description="numbers elsewhere need the right to dial long distance; without it none do",
    )
    exports_per_day: int = Field(
        default=20_000,
        ge=0,
        description="how many customers a person may take out in 24 hours, unless the role has its own limit",
    )
    caller_id: str = Field(default="4006001001", description="the number shown on outbound calls")
    approve_orders_after_min: int | None = Field(
        default=10,
        ge=0,
        description="orders that the rules of review let pass are approved so many minutes after they were "
        "placed; None (an empty value): people approve every order",
    )
    audit_keep_days: int | None = Field(
        default=None,
        ge=1098,
        le=36_500,
        description="older entries of the audit trail move to <var>/audit-archives by themselves; "
        "None: they stay",
    )
    web: WebSettings = WebSettings()
    agi: AgiSettings = AgiSettings()
    asterisk: tuple[AsteriskNode, ...] = Field(min_length=1)
    mail: MailSettings | None = None
    sms: SmsSettings | None = None
    sender: SenderSettings = SenderSettings()
    paper_font: Path | None = Field(
        default=None, description="a TrueType font with Chinese characters, for shipping papers"
    )
    wechat_pay: WechatPaySettings | None = None
    debit_merchant: str = Field(
        default="",
        pattern=r"^[0-9A-Za-z]{0,20}$",
        description="our number at the bank that debits accounts",
    )
    wecom: WeComSettings | None = None
    voice: VoiceSettings | None = None
    fax: FaxSettings | None = None
    messages: MessageSettings = MessageSettings()
    links: LinkSettings = LinkSettings()
    connections: ConnectionSettings = ConnectionSettings()
    self_service: SelfServiceSettings = SelfServiceSettings()
    accounts: AccountSettings = AccountSettings()
    privacy: PrivacySettings = PrivacySettings()
    calls: CallSettings = CallSettings()
    blacklist: BlacklistSettings = BlacklistSettings()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, OSError) as error:
            raise ValueError(f"there is no time zone {value!r}: write Asia/Shanghai") from error
        return value

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def dial_rules(self) -> DialRules:
        return self.dialling.rules(self.zone)

    @property
    def fax_folder(self) -> Path:
        """Asterisk writes into it, beside its own folder."""
        return self.var / "faxes"

    @property
    def recording_folder(self) -> Path:
        return self.recordings or self.var / "recordings"

    @property
    def audit_anchor(self) -> Path:
        """The hashes of the audit trail's seals, outside the database."""
        return self.var / "audit-seals.log"

    @property
    def audit_archives(self) -> Path:
        """Where entries of the audit trail go that are old enough."""
        return self.var / "audit-archives"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = TomlConfigSettingsSource(settings_cls, toml_file=settings_file())
        return init_settings, env_settings, file


def settings_file() -> Path:
    """The settings file in use: `ZONGJI_SETTINGS`, else the one `zongji run` keeps."""
    return Path(os.environ.get("ZONGJI_SETTINGS", ROOT / ".zongji" / "zongji.toml"))


def _named(place: tuple[str | int, ...]) -> list[str]:
    """The setting's name as it stands in the file, where a provider is no level of its own."""
    return [str(part) for part in place if part not in PROVIDERS]


def load() -> Settings:
    """Read the settings. Raises SettingsError naming file, setting and reason."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(_named(item['loc']))}: {item['msg']}" for item in error.errors()
        )
        raise SettingsError(f"{settings_file()}: {wrong}") from error
    except ValueError as error:
        raise SettingsError(f"{settings_file()}: {error}") from error

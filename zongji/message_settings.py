"""The sections of the settings by which customers are told: mail, short messages, WeCom, voice, fax."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, SecretStr, Tag, field_validator, model_validator

from zongji.section import Section


class MailSettings(Section):
    """The SMTP server that carries messages to customers."""

    host: str = "127.0.0.1"
    port: int = Field(default=25, ge=1, le=65535)
    sender: str = "orders@example.invalid"
    username: str | None = None
    password: SecretStr | None = None
    start_tls: bool = False


class AliyunSettings(Section):
    """SMS through Aliyun (Dysmsapi)."""

    provider: Literal["aliyun"] = "aliyun"
    endpoint: str
    access_key_id: str
    access_key_secret: SecretStr
    sign_name: str
    templates: dict[str, str] = Field(description="our message kind → the provider's template code")


class SenderSettings(Section):
    """Who stands as the sender on shipping papers; without a name it is the company."""

    name: str = ""
    phone: str = ""
    address: str = ""
    postcode: str = ""


class TencentTemplateSettings(Section):
    """An approved template, and which of our parameters stands at {1}, {2} … in it."""

    id: str
    params: tuple[str, ...] = ()


class TencentSettings(Section):
    """SMS through Tencent Cloud (SendSms)."""

    provider: Literal["tencent"]
    endpoint: str = "https://sms.tencentcloudapi.com"
    secret_id: str
    secret_key: SecretStr
    app_id: str
    sign_name: str
    region: str = "ap-guangzhou"
    templates: dict[str, TencentTemplateSettings]


PROVIDERS = ("aliyun", "tencent")


def _provider(value: object) -> object:
    """A section without `provider` is Aliyun's."""
    if isinstance(value, Mapping):
        return value.get("provider", "aliyun")
    return getattr(value, "provider", None)


SmsSettings = Annotated[
    Annotated[AliyunSettings, Tag("aliyun")] | Annotated[TencentSettings, Tag("tencent")],
    Discriminator(_provider),
]


class WeComSettings(Section):
    """WeCom. Groups need nothing but the key of their robot, people an application of the company's own."""

    endpoint: str = "https://qyapi.weixin.qq.com"
    corp_id: str | None = None
    secret: SecretStr | None = None
    agent_id: int | None = None

    @model_validator(mode="after")
    def _whole_application(self) -> Self:
        given = [value is not None for value in (self.corp_id, self.secret, self.agent_id)]
        if any(given) and not all(given):
            raise ValueError("an application needs corp_id, secret and agent_id: give all three")
        return self


class VoiceSettings(Section):
    """Calls that say a message. `needs_key`: only who presses 1 has been told, since machines answer too."""

    at_once: int = Field(default=2, ge=1, le=100)
    attempts: int = Field(default=3, ge=1, le=10)
    needs_key: bool = True
    espeak: tuple[str, ...] = Field(default=("espeak-ng",), description="the command that speaks")
    sox: tuple[str, ...] = ("sox",)


_FONTS = (
    "opentype/noto/NotoSansCJK-Regular.ttc",
    "truetype/wqy/wqy-zenhei.ttc",
    "truetype/wqy/wqy-microhei.ttc",
    "truetype/droid/DroidSansFallbackFull.ttf",
    "truetype/arphic/uming.ttc",
)


def _installed_font() -> Path:
    places = [Path("/usr/share/fonts") / name for name in _FONTS]
    return next((place for place in places if place.is_file()), places[0])


class FaxSettings(Section):
    """Faxes through the trunk. `font` is a TrueType or OpenType font with Chinese signs, by default the first of the
    usual ones that is installed.
    """

    font: Path = Field(default_factory=_installed_font, validate_default=True)
    at_once: int = Field(default=1, ge=1, le=100)
    attempts: int = Field(default=3, ge=1, le=10)

    @field_validator("font")
    @classmethod
    def _there(cls, value: Path) -> Path:
        if not value.is_file():
            raise ValueError(f"there is no font {value}: install fonts-noto-cjk, or name another")
        return value


class MessageSettings(Section):
    """How messages to customers are kept and sent. `per_s` and `at_once` hold for each provider."""

    kept_days: int = Field(default=400, ge=30, le=36_500)
    per_s: float = Field(default=50.0, gt=0, le=10_000)
    at_once: int = Field(default=20, ge=1, le=500)

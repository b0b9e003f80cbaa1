"""A wrong setting is refused at start, by its name."""

import re
from datetime import time, timedelta
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import pytest

from crm_core.db import Database
from crm_core.people.login_limits import Allowance, LoginLimits
from crm_core.people.login_sessions import Lifetimes
from crm_core.people.passwords import PasswordRules
from crm_core.people.policy import AccountPolicy
from dialer.law import Law
from dialer.ports import PlainLine
from dialer.rules.areas import SHIPPED
from dialer.rules.caps import Cap
from dialer.rules.hours import Hours
from dialer.rules.verdict import DialRules
from zongji import telling
from zongji.core import account_policy
from zongji.settings import Settings, SettingsError, load

GOOD = """\
database_url = "postgresql://zongji:pw@db/zongji"
[[asterisk]]
secret = "manager-secret"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "zongji.toml"
    path.write_text(GOOD)
    monkeypatch.setenv("ZONGJI_SETTINGS", str(path))
    return path


def refusal(path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(SettingsError) as refused:
        load()
    said = str(refused.value)
    assert said.startswith(f"{path}: ")
    return said.removeprefix(f"{path}: ")


def test_without_settings_for_it_nothing_listens_beyond_loopback(file: Path):
    settings = load()

    assert settings.web.host == settings.agi.host == "127.0.0.1"
    assert all(network.is_loopback for network in settings.agi.networks)
    assert settings.mail is None
    assert settings.sms is None


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('timezone = "Asia/Peking"', "timezone"),
        ('timezone = "../../etc/passwd"', "timezone"),
        ('timezone = "Asia"', "timezone"),
        ('language = "fr"', "language"),
        ("watchdog_s = 0", "watchdog_s"),
        ("colour = 1", "colour"),
        ("[web]\nport = 70000", "web.port"),
        ("[web]\nhots = 'x'", "web.hots"),
        ("[agi]\nallowed = ['everybody']", "agi.allowed"),
        ("[agi]\nallowed = ['10.0.0.1/8']", "agi.allowed"),
        ("[mail]\nport = 'smtp'", "mail.port"),
        ("[sms]\nendpoint = 'x'", "sms.access_key_id"),
        ("[wechat_pay]\nendpoint = 'https://pay.example/v3'", "wechat_pay.endpoint"),
        ("[wechat_pay]\napi_key = 'short'", "wechat_pay.api_key"),
        ('debit_merchant = "a|b"', "debit_merchant"),
        ("[sms]\nprovider = 'tencent'", "sms.secret_id"),
        ("[sms]\nprovider = 'pigeon'", "sms"),
        ("[wecom]\ncorp_id = 'x'", "wecom"),
        ("[fax]\nfont = '/no/such.ttf'", "fax.font"),
        ("[messages]\nkept_days = 1", "messages.kept_days"),
        ("[dialling]\ncallback_hours = '25:00-26:00'", "dialling.callback_hours.0"),
        ("[dialling]\ncallback_hours = ['20:00-08:00']", "dialling.callback_hours.0"),
        ("[dialling]\ncampaign_hours = []", "dialling.campaign_hours"),
        ("[dialling]\nmessage_hours = ['9-12']", "dialling.message_hours.0"),
        ("[dialling]\ncampaign_caps = '0/24h'", "dialling.campaign_caps.0"),
        ("[dialling]\nmessage_caps = ['3/11d']", "dialling.message_caps.0"),
        ("[dialling.zones]\n'+1' = 'Mars/Olympus'", "dialling.zones.+1.0"),
        ("[privacy]\nremind_days = 15", "privacy.remind_days"),
        ("[accounts]\nshortest_password = 7", "accounts.shortest_password"),
        ("[accounts]\nremembered_passwords = 0", "accounts.remembered_passwords"),
        ("[accounts]\npassword_days = 0", "accounts.password_days"),
        ("[accounts]\nidle_min = 1", "accounts.idle_min"),
        ("[accounts]\nsession_hours = 200", "accounts.session_hours"),
        ("[accounts]\nsession_hours = 1", "accounts"),
        ("[accounts]\ntries = 0", "accounts.tries"),
        ("[accounts]\ntries = 31", "accounts"),
    ],
)
def test_a_wrong_setting_is_named(file: Path, line: str, named: str):
    assert f"{named}: " in refusal(file, line + "\n" + GOOD if "[" not in line else GOOD + line)


def test_a_missing_setting_is_named(file: Path):
    said = refusal(file, "")

    assert "database_url: Field required" in said
    assert "asterisk: Field required" in said


def test_a_node_without_its_secret_is_named_by_its_place(file: Path):
    assert "asterisk.0.secret: " in refusal(file, GOOD.replace("secret =", "name ="))


def test_a_file_that_is_no_toml_is_one_sentence(file: Path):
    assert re.search(r"line \d", refusal(file, "[web\n"))


def test_the_environment_goes_before_the_file(file: Path, monkeypatch: pytest.MonkeyPatch):
    file.write_text(GOOD + "[web]\nport = 8081\n")
    monkeypatch.setenv("ZONGJI_WEB__PORT", "9090")

    assert load().web.port == 9090


def test_secrets_are_not_shown_by_printing_the_settings(file: Path):
    settings = load()

    assert "manager-secret" not in repr(settings)
    assert "pw@db" not in f"{settings!r} {settings}"


def test_what_is_asked_of_accounts_comes_from_the_settings(file: Path):
    assert account_policy(load()) == AccountPolicy()
    file.write_text(
        GOOD + "[accounts]\nshortest_password = 12\nremembered_passwords = 8\npassword_days = 90\n"
        "idle_min = 30\nsession_hours = 10\ntries = 3\ntries_per_address = 40\n"
    )
    assert account_policy(load()) == AccountPolicy(
        rules=PasswordRules(shortest=12, remembered=8),
        password_age=timedelta(days=90),
        lifetimes=Lifetimes(idle=timedelta(minutes=30), absolute=timedelta(hours=10)),
        limits=LoginLimits(login=Allowance(free=3), address=Allowance(free=40)),
    )


def test_when_people_may_be_rung_comes_from_the_settings(file: Path):
    assert load().dial_rules == DialRules()
    file.write_text(
        f'timezone = "Europe/Berlin"\n{GOOD}[dialling]\ncallback_hours = "08:30-20:00"\n'
        'campaign_hours = ["10:00-12:00", "14:00-18:00"]\nmessage_hours = ["09:00-17:00"]\n'
        'campaign_caps = ["1/30m", "2/1d"]\nmessage_caps = "2/24h"\nabandoned_hours = 24\n'
        "campaigns_on_holidays = true\ncampaigns_on_weekends = false\n"
        '[dialling.zones]\n"+1415" = "America/Los_Angeles"\n'
    )
    assert load().dial_rules == DialRules(
        zone=ZoneInfo("Europe/Berlin"),
        callback_hours=Hours(((time(8, 30), time(20)),)),
        campaign_hours=Hours(((time(10), time(12)), (time(14), time(18))), weekends=False),
        message_hours=Hours(((time(9), time(17)),)),
        campaign_caps=(Cap(1, timedelta(minutes=30)), Cap(2, timedelta(days=1))),
        message_caps=(Cap(2, timedelta(days=1)),),
        abandoned_for=timedelta(days=1),
        zones={**SHIPPED, "+1415": ("America/Los_Angeles",)},
    )


def test_messages_are_said_within_the_hours_of_the_settings(file: Path):
    file.write_text(f'{GOOD}[dialling]\nmessage_hours = "09:00-17:00"\n')
    settings = load()
    database = Database("postgresql://nobody@127.0.0.1:1/none")
    law = Law(settings.dial_rules)
    calls = telling.message_calls(settings, database, cast("PlainLine", None), law)
    assert calls._law.rules.message_hours == Hours(((time(9), time(17)),))


def test_every_setting_of_the_first_level_has_a_safe_default_or_must_be_given():
    required = {name for name, field in Settings.model_fields.items() if field.is_required()}

    assert required == {"database_url", "asterisk"}

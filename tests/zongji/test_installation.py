"""One folder, one set of ports; the settings file follows the installation and keeps people's changes."""

import tomllib
from pathlib import Path

import pytest

from zongji.installation import Installation, Ports
from zongji.settings import Settings, load

URL = "postgresql://postgres:pw@127.0.0.1:5433/zongji"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(var=tmp_path, ports=Ports().shifted(11000))


def written(installation: Installation) -> dict[str, object]:
    return tomllib.loads(installation.settings_file.read_text())


def change(installation: Installation, old: str, new: str) -> None:
    text = installation.settings_file.read_text()
    assert old in text
    installation.settings_file.write_text(text.replace(old, new))


def loaded(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ZONGJI_SETTINGS", str(installation.settings_file))
    return load()


def test_shifted_ports_keep_their_distances():
    assert Ports().shifted(11000).web == Ports().web + 11000
    assert len(set(vars(Ports().shifted(1000)).values())) == len(set(vars(Ports()).values()))


def test_the_daemon_accepts_what_is_written(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
):
    installation.write_settings(URL, mail=True)
    settings = loaded(installation, monkeypatch)

    assert settings.database_url.get_secret_value() == URL
    assert settings.var == installation.var
    assert (settings.web.port, settings.agi.port) == (19080, 15573)
    assert settings.mail is not None
    assert settings.mail.port == 19025
    [node] = settings.asterisk
    assert (node.name, node.port) == ("pbx1", 16038)
    assert node.secret.get_secret_value() == installation.secrets["manager"]


def test_the_settings_file_holds_secrets_and_is_for_its_owner_only(installation: Installation):
    installation.write_settings(URL)

    assert installation.settings_file.stat().st_mode & 0o077 == 0


def test_without_the_trial_mailbox_no_mail_is_sent(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
):
    installation.write_settings(URL)

    assert loaded(installation, monkeypatch).mail is None


def test_what_people_changed_is_kept(installation: Installation, monkeypatch: pytest.MonkeyPatch):
    installation.write_settings(URL, mail=True)
    change(installation, "[web]", '[web]\norigins = ["https://orders.example"]')
    change(installation, "[mail]", '[mail]\nsender = "orders@example.com"')
    with installation.settings_file.open("a") as file:
        file.write(
            '\n[[asterisk]]\nname = "pbx2"\nhost = "10.0.0.2"\nsecret = "other"\n'
            '\n[sms]\nendpoint = "e"\naccess_key_id = "k"\naccess_key_secret = "s"\n'
            'sign_name = "总机"\ntemplates = { order_placed = "SMS_1" }\n'
        )

    installation.write_settings(URL, mail=True)
    settings = loaded(installation, monkeypatch)

    assert settings.web.origins == ("https://orders.example",)
    assert settings.mail is not None
    assert settings.mail.sender == "orders@example.com"
    assert [node.name for node in settings.asterisk] == ["pbx1", "pbx2"]
    assert settings.asterisk[1].host == "10.0.0.2"
    assert settings.sms is not None
    assert settings.sms.templates == {"order_placed": "SMS_1"}


def test_the_keys_of_customers_links_are_made_once_and_those_of_people_stay(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
):
    installation.write_settings(URL)
    (made,) = loaded(installation, monkeypatch).links.keys
    assert len(made.get_secret_value()) >= 32
    old = f'keys = [\n    "{made.get_secret_value()}",\n]'
    change(installation, old, f'keys = ["{"n" * 32}", "{made.get_secret_value()}"]')

    installation.write_settings(URL)

    kept = [key.get_secret_value() for key in loaded(installation, monkeypatch).links.keys]
    assert kept == ["n" * 32, made.get_secret_value()]


def test_the_trial_s_links_lead_to_this_machine_until_people_say_where_the_pages_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    installation = Installation(var=tmp_path)
    installation.write_settings(URL)
    assert loaded(installation, monkeypatch).web.customers_address is None
    installation.write_settings(URL, mail=True)
    assert loaded(installation, monkeypatch).web.customers_address == "http://127.0.0.1:8080"
    change(installation, "[web]", '[web]\norigins = ["https://orders.example"]')
    installation.write_settings(URL, mail=True)
    web = loaded(installation, monkeypatch).web
    assert web.customers_address == "https://orders.example"
    assert web.allowed_origins == ("https://orders.example", "https://orders.example")


def test_what_follows_from_the_installation_is_written_anew(tmp_path: Path):
    Installation(var=tmp_path).write_settings(URL)
    moved = Installation(var=tmp_path, ports=Ports().shifted(12000))

    moved.write_settings(URL)

    assert written(moved)["web"] == {"port": 20080}
    [node] = written(moved)["asterisk"]
    assert node["port"] == 17038


def test_nothing_is_written_when_nothing_changed(installation: Installation):
    installation.write_settings(URL)
    before = installation.settings_file.stat()

    installation.write_settings(URL)

    assert installation.settings_file.stat() == before


def test_two_installations_share_neither_ports_nor_addresses():
    one = Installation().site().values()
    two = Installation(
        ports=Ports().shifted(1000), pbx_address="127.0.4.1", carrier_address="127.0.4.2"
    ).site()

    for name, value in two.values().items():
        if name.endswith("port"):
            assert value != one[name], name
    assert (two.sip.bind, two.trunk.address, two.trunk.permit) == (
        "127.0.4.1",
        "127.0.4.2",
        "127.0.4.2/32",
    )

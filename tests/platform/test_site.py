"""What differs from site to site is checked by name; secrets are made once and kept to their owner."""

import stat
from pathlib import Path

import pytest

from zongji.platform.asterisk import TEMPLATES
from zongji.platform.errors import PlatformError
from zongji.platform.site import AgentPhone, Secrets, Site, render_phones

SHIPPED = (TEMPLATES / "site.toml").read_text()


def refused(folder: Path, text: str) -> str:
    path = folder / "site.toml"
    path.write_text(text)
    with pytest.raises(PlatformError) as error:
        Site.load(path)
    said = str(error.value)
    assert said.startswith(f"{path}: ")
    return said.removeprefix(f"{path}: ")


def test_the_shipped_site_is_on_loopback_only():
    values = Site.load(TEMPLATES / "site.toml").values()

    for name in ("sip_bind", "http_bind", "manager_bind", "daemon_host"):
        assert values[name] == "127.0.0.1"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("udp_port = 5060", "udp_port = 70000", "sip.udp_port"),
        ("udp_port = 5060", 'udp_port = "x"', "sip.udp_port"),
        ('permit = "127.0.0.1/32"', 'permit = "everybody"', "manager.permit"),
        ('local_net = "127.0.0.0/8"', 'local_net = "127.0.0.1/8"', "sip.local_net"),
        ('codecs = "alaw,ulaw"', 'codecs = "alaw;ulaw"', "trunk.codecs"),
        ('address = "127.0.0.2"', 'address = "sbc.example\\nallow = all"', "trunk.address"),
        ("fallback_s = 15", "fallback_s = 0", "daemon.fallback_s"),
        ("[manager]", "[manager]\nwritable = 1", "manager.writable"),
        ('codecs = "alaw,ulaw"', "", "trunk.codecs"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(tmp_path: Path, old: str, new: str, named: str):
    assert old in SHIPPED

    assert refused(tmp_path, SHIPPED.replace(old, new, 1)).startswith(f"{named}: ")


def test_every_wrong_value_is_named_at_once(tmp_path: Path):
    said = refused(tmp_path, SHIPPED.replace("port = 5038", "port = 0").replace("tries = 3", ""))

    assert "manager.port: " in said
    assert "daemon.tries: Field required" in said


def test_a_file_that_is_no_toml_says_where(tmp_path: Path):
    assert "line 1" in refused(tmp_path, "[sip\n")


def test_a_site_file_that_is_not_there_is_one_sentence(tmp_path: Path):
    path = tmp_path / "elsewhere.toml"

    with pytest.raises(PlatformError, match=r"elsewhere\.toml cannot be read: No such file"):
        Site.load(path)


def test_a_secret_is_made_once_and_found_again_by_the_next_process(tmp_path: Path):
    made = Secrets(tmp_path)["manager"]

    assert Secrets(tmp_path)["manager"] == made
    assert len(made) >= 32


def test_two_secrets_differ_and_one_more_changes_none(tmp_path: Path):
    secrets = Secrets(tmp_path)
    first = secrets["phone-1001"]
    second = secrets["phone-1002"]

    assert first != second
    assert Secrets(tmp_path)["phone-1001"] == first


def test_secrets_are_readable_by_their_owner_only(tmp_path: Path):
    assert Secrets(tmp_path)["manager"]

    assert stat.S_IMODE((tmp_path / "secrets.toml").stat().st_mode) == 0o600


def test_each_phone_gets_its_own_secret_and_template():
    text = render_phones(
        [
            AgentPhone("1002", "李", "second-secret-1234", browser=True),
            AgentPhone("1001", "王", "first-secret-12345"),
        ]
    )

    assert text == (
        "[1001](phone)\nauth = 1001\naors = 1001\n"
        "[1001](phone-auth)\nusername = 1001\npassword = first-secret-12345\n"
        "[1001](phone-aor)\n\n"
        "[1002](browser-phone)\nauth = 1002\naors = 1002\n"
        "[1002](phone-auth)\nusername = 1002\npassword = second-secret-1234\n"
        "[1002](phone-aor)\n\n"
    )


def test_without_phones_there_is_nothing_to_write():
    assert render_phones([]) == ""


@pytest.mark.parametrize(
    ("extension", "secret"),
    [("1001\n[x]", "a" * 16), ("12", "a" * 16), ("1001", "short"), ("1001", "a" * 15 + "\n")],
)
def test_what_would_not_stay_in_its_line_is_no_phone(extension: str, secret: str):
    with pytest.raises(PlatformError):
        AgentPhone(extension, "王", secret)

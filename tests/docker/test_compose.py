"""The container files: nothing secret in them, nothing published beyond loopback, and everything they
name is there.
"""

import re
import shlex
from typing import Any

import pytest
import typer
import yaml

from zongji.cli.app import app
from zongji.installation import Ports
from zongji.platform.asterisk import TEMPLATES
from zongji.platform.debian import PACKAGES
from zongji.platform.site import Site
from zongji.settings import ROOT

DOCKER = ROOT / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONCE = {name for name, service in SERVICES.items() if service["restart"] == "no"}
RUNNING = SERVICES.keys() - ONCE
FILES = ("Dockerfile.zongji", "Dockerfile.asterisk")


def instructions(file: str) -> list[tuple[str, str]]:
    """Each instruction of a Dockerfile with what follows it, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (DOCKER / file).read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def packages(file: str) -> set[str]:
    [install] = [text for name, text in instructions(file) if "apt-get install" in text]
    words = install.partition("--no-install-recommends")[2].partition("&&")[0]
    return set(words.split())


def ports_of(published: str) -> tuple[str, str, str]:
    address, outside, inside = published.rsplit(":", 2)
    return address, outside, inside.partition("/")[0]


def test_the_parts_of_the_line_are_there():
    assert {"asterisk", "postgres", "zongji"} <= RUNNING
    assert {"settings", "schema", "config", "prompts"} == ONCE


@pytest.mark.parametrize("name", sorted(RUNNING - {"house"}))
def test_whatever_runs_is_looked_after(name: str):
    service = SERVICES[name]

    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"
    assert service["volumes"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_secret_is_written_into_the_files(name: str):
    for key, value in SERVICES[name].get("environment", {}).items():
        assert not re.search("PASSWORD|SECRET|TOKEN", key) or key.endswith("_FILE"), key
        assert "://" not in str(value)
    assert not re.search(r"//[^/@\s]+:[^/@\s]+@", str(SERVICES[name]))


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_published_port_is_on_loopback_by_default(name: str):
    for published in SERVICES[name].get("ports", []):
        address, outside, inside = ports_of(published)
        assert address == "${ZONGJI_ADDRESS:-127.0.0.1}"
        assert outside == inside


def test_what_is_published_is_what_the_site_listens_on_and_no_more():
    site = Site.load(DOCKER / "site.toml")
    published = {
        ports_of(text)[2] for service in SERVICES.values() for text in service.get("ports", [])
    }

    assert published == {
        str(Ports().web),
        str(site.sip.udp_port),
        str(site.sip.tls_port),
        str(site.http.tls_port),
        f"{site.rtp.first_port}-{site.rtp.last_port}",
    }


def test_manager_and_fastagi_stay_on_the_loopback_that_two_containers_share():
    site = Site.load(DOCKER / "site.toml")

    assert site.manager.bind == site.daemon.host == "127.0.0.1"
    assert (site.manager.port, site.daemon.port) == (Ports().manager, Ports().agi)
    for name in ("asterisk", "zongji"):
        assert SERVICES[name]["network_mode"] == "service:house"
        assert SERVICES[name]["depends_on"]["house"]["restart"] is True


def test_the_containers_site_has_every_value_of_the_shipped_one():
    shipped, ours = Site.load(TEMPLATES / "site.toml"), Site.load(DOCKER / "site.toml")

    assert ours.model_fields_set == shipped.model_fields_set
    for name in type(ours).model_fields:
        assert getattr(ours, name).model_fields_set == getattr(shipped, name).model_fields_set


def test_what_runs_waits_for_what_is_made_once():
    waits = {"config", "prompts"}
    for name in ("asterisk", "zongji"):
        for made in waits:
            condition = SERVICES[name]["depends_on"][made]["condition"]
            assert condition == "service_completed_successfully"
    for name, service in SERVICES.items():
        for other in service.get("depends_on", {}):
            assert other in SERVICES, (name, other)


def test_every_volume_is_declared_and_every_file_bound_exists():
    for service in SERVICES.values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("."):
                assert (DOCKER / source).resolve().is_file(), source
            else:
                assert source in COMPOSE["volumes"], source


def test_the_database_s_password_is_seen_by_nobody_but_those_who_need_it():
    holders = {
        name
        for name, service in SERVICES.items()
        if any(mount.startswith("password:") for mount in service.get("volumes", []))
    }

    assert holders == {"settings", "postgres"}


def below(group: Any, name: str) -> Any:
    """The command of this name, which a lazy group loads only now."""
    return group.get_command(typer.Context(group), name)


@pytest.mark.parametrize(
    "name", sorted(name for name, service in SERVICES.items() if service["image"] == "zongji")
)
def test_every_command_exists_with_its_options(name: str):
    command: Any = typer.main.get_command(app)
    words = list(SERVICES[name]["command"])
    while words and hasattr(command, "commands"):
        command = below(command, words.pop(0))
    known = {option for parameter in command.params for option in parameter.opts}

    assert {word.partition("=")[0] for word in words} <= known


def test_the_commands_of_the_readme_exist():
    readme = (DOCKER / "README.md").read_text()
    used = re.findall(r"run --rm zongji (\w+) (\w+)", readme)
    tree: Any = typer.main.get_command(app)

    assert used
    for group, command in used:
        assert below(below(tree, group), command) is not None


def test_every_build_file_exists():
    for service in SERVICES.values():
        if build := service.get("build"):
            context = (DOCKER / build["context"]).resolve()
            assert (context / build["dockerfile"]).is_file()


@pytest.mark.parametrize("file", FILES)
def test_every_source_copied_exists_and_reaches_the_builder(file: str):
    ignore = (DOCKER / f"{file}.dockerignore").read_text() if file == FILES[0] else ""
    for name, text in instructions(file):
        words = [word for word in shlex.split(text) if not word.startswith("--")]
        if name != "COPY" or "--from=" in text:
            continue
        for source in words[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source.split('/')[0]}\n" in ignore, source


def test_every_package_of_the_project_is_in_the_image():
    copied = {text.split()[0] for name, text in instructions(FILES[0]) if name == "COPY"}
    code = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"bench", "tests"}

    assert code <= copied


@pytest.mark.parametrize("file", FILES)
def test_the_images_run_without_rights(file: str):
    users = [text for name, text in instructions(file) if name == "USER"]

    assert users == ["10001:10001"]
    assert [name for name, _ in instructions(file)].index("USER") < [
        name for name, _ in instructions(file)
    ].index("ENTRYPOINT")


def test_the_system_programs_are_those_of_the_private_prefix():
    in_images = packages("Dockerfile.zongji") | packages("Dockerfile.asterisk")

    assert set(PACKAGES) - {"sip-tester"} <= in_images


@pytest.mark.parametrize("path", sorted(DOCKER.iterdir()), ids=lambda path: path.name)
def test_no_registry_and_no_mirror_is_named(path: Any):
    text = path.read_text()
    hosts = re.findall(r"https?://([^\s/\"');]+)", text)

    assert set(hosts) <= {"127.0.0.1:8080"}
    assert not re.search(r"index-url|registry=|mirror", text)

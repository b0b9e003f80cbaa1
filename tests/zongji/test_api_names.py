"""Every route for programs is one command, whose name a person would guess."""

import re

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from tests.zongji.api_commands import LIST, lines
from webui.asked import Asked, Nothing
from webui.routes import ROUTES
from webui.routing import BROWSER, LOGGED_IN, NUMBER, Route
from webui.views import View
from zongji.cli.api import group
from zongji.cli.api.naming import about, by_resource, filled, places

COMMANDS = by_resource(ROUTES)
EACH = [
    pytest.param(resource, name, route, id=f"{resource} {name}")
    for resource, commands in COMMANDS.items()
    for name, route in commands.items()
]


class Items(View):
    items: tuple[int, ...]


async def search(asked: Asked[Nothing, Nothing]) -> None: ...


async def cancel_thing(asked: Asked[Nothing, Nothing]) -> None: ...


def test_every_route_for_programs_has_exactly_one_command():
    wanted = [r for r in ROUTES if r.needs.by_token and r.path.startswith("/api/")]
    found = [route for commands in COMMANDS.values() for route in commands.values()]

    assert len(found) == len(wanted)
    assert set(map(id, found)) == set(map(id, wanted))
    assert not [route for route in found if not route.needs.by_token]


def test_the_commands_are_the_ones_that_people_know():
    """A new route adds a line (see api_commands.py); a line that changes breaks somebody's script."""
    assert lines() == LIST.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(("resource", "name", "route"), EACH)
def test_a_name_is_plain_words_with_hyphens(resource: str, name: str, route: Route):
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", resource)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)


@pytest.mark.parametrize("resource", COMMANDS)
def test_a_resource_says_what_it_is_about(resource: str):
    assert len(about(COMMANDS[resource]).split()) > 3


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/api/things", "list"),
        ("POST", "/api/things", "create"),
        ("GET", f"/api/things/{NUMBER}", "show"),
        ("PATCH", f"/api/things/{NUMBER}", "change"),
        ("PUT", f"/api/things/{NUMBER}", "change"),
        ("DELETE", f"/api/things/{NUMBER}", "cancel"),
        ("GET", "/api/things/parts", "parts"),
        ("POST", "/api/things/parts", "parts-create"),
        ("POST", f"/api/things/{NUMBER}/hand_over", "hand-over"),
        ("POST", f"/api/things/{NUMBER}/process", "process"),
        ("PUT", "/api/things/rule", "rule-change"),
        ("GET", f"/api/things/{NUMBER}/parts/{NUMBER.replace('id', 'part')}", "parts-show"),
    ],
)
def test_a_name_follows_from_method_and_path(method: str, path: str, name: str):
    route = Route(method, path, cancel_thing, LOGGED_IN, answer=Items)

    assert by_resource([route]) == {"things": {name: route}}


def test_one_record_of_its_kind_is_shown_and_not_listed():
    assert list(
        by_resource([Route("GET", "/api/rule", search, LOGGED_IN, answer=View)])["rule"]
    ) == ["show"]


def test_a_name_that_is_taken_goes_to_the_earlier_route_and_the_later_is_named_by_its_handler():
    first = Route("GET", "/api/things/check", search, LOGGED_IN)
    second = Route("POST", "/api/things/check", cancel_thing, LOGGED_IN)

    assert by_resource([first, second])["things"] == {"check": first, "check-cancel-thing": second}
    with pytest.raises(ValueError, match="things check-cancel-thing would be two commands"):
        by_resource([first, second, second])


def test_what_only_browsers_may_ask_is_no_command():
    assert by_resource([Route("GET", "/api/things", search, BROWSER)]) == {}


@given(st.integers(1, 999_999_999), st.integers(1, 999_999_999))
def test_a_path_is_filled_with_what_was_given(one: int, two: int):
    route = Route("GET", f"/api/a/{NUMBER}/b/{{part:[0-9]{{1,9}}}}/c", search, LOGGED_IN)

    assert list(places(route)) == ["id", "part"]
    assert filled(route, {"id": str(one), "part": str(two)}) == f"/api/a/{one}/b/{two}/c"


def test_every_command_is_built_and_teaches_its_use():
    root = typer.main.get_group(group.app)
    context = typer.Context(root)
    for resource, commands in COMMANDS.items():
        found = root.get_command(context, resource)
        assert found.list_commands(context) == list(commands)
        for name, route in commands.items():
            said = found.get_command(context, name).help
            assert f"{route.method} /api/" in said
            assert all(right in said for right in route.needs.any_of)


def test_a_route_without_an_answer_says_whether_a_file_comes():
    """What has no content is 204 in the table too, so that a command knows when to ask for --out."""
    files = [route for route in ROUTES if route.answers_file]

    assert files
    assert not [each.path for each in files if each.handler.__annotations__["return"] is None]

"""Everything that a model takes can be given on the command line, and only what was given is sent."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, Field, SecretStr

from crm_core.rights import Right
from tests.zongji.test_api_names import EACH
from webui.asked import Model
from webui.routes import ROUTES
from webui.routing import LOGGED_IN, NUMBER, Route
from zongji.cli.api import fields
from zongji.cli.api.command import command, fields_for, request_for
from zongji.cli.api.errors import NotAsked
from zongji.cli.api.fields import Kind, fields_of
from zongji.cli.api.values import emptied, named, values


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Part(Model):
    sku: str
    quantity: Annotated[int, Field(ge=1)] = 1


class Thing(Model):
    name: Annotated[str, Field(min_length=1, max_length=5, description="what it is called")]
    price: Annotated[Decimal, Field(ge=0, decimal_places=2)] = Decimal("1.50")
    count: int | None = None
    on: bool = True
    colour: Colour = Colour.RED
    size: Literal["s", "m"] | None = None
    day: date | None = None
    moment: AwareDatetime | None = None
    password: str | None = None
    key: SecretStr | None = None
    tags: tuple[Annotated[str, Field(max_length=5)], ...] = ()
    numbers: frozenset[int] = frozenset()
    colours: tuple[Colour, ...] = ()
    rights: frozenset[Right] = frozenset()
    part: Part | None = None
    parts: tuple[Part, ...] = ()
    by_name: Annotated[dict[str, str], Field(default_factory=dict)]
    anything: bool | Decimal | str | tuple[str, ...] | None = None
    body: str | None = None


class Wanted(Model):
    name: str | None = None
    open: bool | None = None


async def change(asked: Any) -> None: ...


ROUTE = Route("PATCH", f"/api/things/{NUMBER}", change, LOGGED_IN, Thing, Wanted, status=204)
FIELDS = fields_for(ROUTE)
NOTHING = {"body": None, "clear": None, "ID": "1"}


def sent(**given: Any) -> Any:
    """The body that would be sent."""
    options = {name.replace("_", "-"): value for name, value in given.items()}
    request = request_for(ROUTE, FIELDS, {**NOTHING, "name": "tea", **options})
    return dict(request.body or {})


def complaint(given: Mapping[str, Any]) -> list[str]:
    with pytest.raises(NotAsked) as refused:
        request_for(ROUTE, FIELDS, {**NOTHING, **given})
    return [line.strip() for line in str(refused.value).splitlines()]


@pytest.mark.parametrize(("resource", "name", "route"), EACH)
def test_every_field_of_every_model_can_be_given(resource: str, name: str, route: Route):
    wanted = [("body", each) for each in route.body.model_fields]
    wanted += [("query", each) for each in route.query.model_fields]
    found = fields_for(route)
    app = typer.Typer()
    app.command()(command(route))
    names = Counter(
        option
        for parameter in typer.main.get_command(app).params
        for option in (*parameter.opts, *parameter.secondary_opts)
    )

    assert [(each.place, each.name) for each in found] == wanted
    assert max(names.values(), default=1) == 1
    assert {f"--{each.option}" for each in found} <= set(names)
    assert all(f"--{header.lower()}" in names for header in route.headers)


def test_kinds_are_read_off_the_model():
    found = {each.name: each.kind for each in FIELDS if each.place == "body"}

    assert found == {
        "name": Kind.TEXT,
        "price": Kind.TEXT,
        "count": Kind.NUMBER,
        "on": Kind.FLAG,
        "colour": Kind.CHOICE,
        "size": Kind.CHOICE,
        "day": Kind.TEXT,
        "moment": Kind.TEXT,
        "password": Kind.SECRET,
        "key": Kind.SECRET,
        "tags": Kind.MANY,
        "numbers": Kind.MANY,
        "colours": Kind.MANY,
        "rights": Kind.MANY,
        "part": Kind.JSON,
        "parts": Kind.JSONS,
        "by_name": Kind.JSON,
        "anything": Kind.ANY,
        "body": Kind.TEXT,
    }


def test_the_help_says_what_may_be_given():
    said = {each.name: each.help for each in FIELDS if each.place == "body"}

    assert said["name"] == "required; what it is called; 1 to 5 characters"
    assert said["price"].startswith("at least 0")
    assert said["price"].endswith("else 1.50")
    assert said["day"] == "such as 2026-07-31"
    assert said["on"] == "else yes"
    assert said["part"] == "{sku*, quantity}"
    assert said["parts"] == "{sku*, quantity}; may be repeated"
    assert "order.view" in said["rights"]
    assert said["password"].startswith("the file that holds it")


def test_names_that_are_taken_are_told_apart():
    assert {each.option for each in FIELDS if each.name in {"body", "name"}} == {
        "body-field",
        "name",
        "name-field",
    }


def test_only_what_was_given_is_sent():
    assert sent() == {"name": "tea"}
    assert sent(count="3", on=False, size="m") == {
        "name": "tea",
        "count": 3,
        "on": False,
        "size": "m",
    }


def test_lists_and_objects_are_put_together():
    given = sent(
        tags=["a", "b"],
        parts=['{"sku": "A1"}', '[{"sku": "B2", "quantity": 2}, {"sku": "C3"}]'],
        part='{"sku": "A1"}',
        anything="true",
    )

    assert given["tags"] == ["a", "b"]
    assert given["parts"] == [{"sku": "A1"}, {"sku": "B2", "quantity": 2}, {"sku": "C3"}]
    assert given["part"] == {"sku": "A1"}
    assert given["anything"] is True
    assert sent(anything="yes, both")["anything"] == "yes, both"


def test_a_field_can_be_emptied():
    given = sent(clear=["tags", "count", "by-name"])

    assert given == {"name": "tea", "tags": [], "count": None, "by_name": {}}
    with pytest.raises(NotAsked, match="--clear: “name” cannot be emptied; what can: count, "):
        emptied(FIELDS, ["name"])


def test_options_go_before_the_file_of_the_whole_body(tmp_path: Path):
    file = tmp_path / "body.json"
    file.write_text('{"name": "奶茶", "count": 1}', encoding="utf-8")

    request = request_for(ROUTE, FIELDS, {**NOTHING, "body": file, "count": "2"})

    assert request.body == {"name": "奶茶", "count": 2}


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b'"tea"'])
def test_a_body_that_is_no_object_is_one_sentence(tmp_path: Path, content: bytes):
    file = tmp_path / "body.json"
    file.write_bytes(content)

    assert len(complaint({"body": file})) == 1


def test_a_secret_is_read_from_a_file(tmp_path: Path):
    file = tmp_path / "password"
    file.write_text("correct horse 47\n")

    assert sent(password_file=file)["password"] == "correct horse 47"
    assert complaint({"name": "tea", "password-file": tmp_path / "none"}) == [
        f"--password-file: {tmp_path / 'none'} cannot be read: No such file or directory."
    ]


def test_every_fault_names_the_option():
    given = {
        "count": "x",
        "parts": ['{"quantity": 0}'],
        "colour": "green",
        "day": "2026-02-30",
    }

    said = complaint(given)

    assert [line.partition(":")[0] for line in said] == [
        "--name is missing",
        "--count",
        "--colour",
        "--day",
        "--parts, no. 1, sku is missing",
        "--parts, no. 1, quantity",
    ]
    assert complaint({"name": "tea", "part": "{"})[0].startswith("--part: this is not JSON")


def test_a_record_is_named_in_the_form_of_its_path():
    with pytest.raises(NotAsked, match=r"ID must be a number, not “\.\./users”"):
        request_for(ROUTE, FIELDS, {**NOTHING, "name": "tea", "ID": "../users"})


def test_a_query_is_text():
    request = request_for(ROUTE, FIELDS, {**NOTHING, "name": "tea", "open": False})

    assert request.query == {"open": "false"}
    assert request.path == "/api/things/1"


def test_inner_places_are_counted_from_one():
    assert named(("parts", 0, "sku"), FIELDS) == "--parts, no. 1, sku"


@given(st.text(), st.lists(st.text(), max_size=3), st.integers(-(10**20), 10**20))
def test_what_was_typed_arrives_as_it_was_typed(text: str, texts: list[str], number: int):
    found = values(FIELDS[:11], {"name": text, "tags": texts, "count": str(number)})

    assert found["name"] == text
    assert found.get("tags", []) == texts
    assert int(found["count"]) == number


def test_no_option_of_our_own_is_forgotten_in_the_reserved_names():
    app = typer.Typer()
    app.command()(command(Route("GET", "/api/file", change, LOGGED_IN)))
    app.command()(command(ROUTE))
    own = {
        option.removeprefix("--")
        for each in typer.main.get_group(app).commands.values()
        for parameter in each.params
        for option in parameter.opts
        if parameter.param_type_name == "option"
    } - {each.option for each in FIELDS}

    assert own <= set(fields.OWN)


def test_all_alternatives_are_seen_through_references():
    class Deep(Model):
        one: Annotated[Colour | None, Field(description="x")] = None

    [field] = fields_of([("body", Deep)])

    assert (field.kind, field.choices, field.may_be_empty) == (Kind.CHOICE, ("red", "blue"), True)
    assert json.dumps(field.empty) == "null"


def test_a_list_in_a_query_is_parted_by_commas():
    (route,) = [each for each in ROUTES if each.path == "/api/complaints/report"]
    when = {"since": "2026-03-01T00:00:00Z", "until": "2026-04-01T00:00:00Z"}
    asked = request_for(route, fields_for(route), {**when, "by": ["state", "day"]})
    assert asked.query["by"] == "state,day"
    with pytest.raises(NotAsked, match=r"--by, no\. 1"):
        request_for(route, fields_for(route), {**when, "by": ["colour"]})

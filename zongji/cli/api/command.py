"""One route as a command: its help, and what happens when it is called.

Rule: what can be wrong with what was typed is said before anything is sent.
"""

import inspect
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import typer
from pydantic import BaseModel
from rich.console import Console

from webui.asked import Nothing
from webui.routing import Route
from zongji.cli.api import access, calling, showing
from zongji.cli.api.errors import NotAsked
from zongji.cli.api.fields import Field, Place, fields_of
from zongji.cli.api.naming import filled, pattern, places
from zongji.cli.api.options import FILE, form_of, options, with_signature
from zongji.cli.api.refusals import refusal
from zongji.cli.api.values import (
    Values,
    as_query,
    check_body,
    check_query,
    emptied,
    values,
    whole_body,
)
from zongji.cli.progress import console

Given = Mapping[str, Any]
_aside = Console(stderr=True, highlight=False)


def explained(route: Route) -> str:
    """The help of the command."""
    rights = " or ".join(f"`{right}`" for right in sorted(route.needs.any_of))
    needed = f"the right {rights}" if rights else "a token, whatever its rights"
    return (
        f"{inspect.cleandoc(route.handler.__doc__ or '')}\n\n"
        f"Needs {needed if route.needs.session else 'nothing'}; asks `{route.method} {pattern(route)}`."
    )


def command(route: Route) -> Any:
    """The function that Typer makes a command of."""
    fields = fields_for(route)
    return with_signature(options(route, fields), lambda given: _call(route, fields, given))


def fields_for(route: Route) -> tuple[Field, ...]:
    """Every field of the route's models, as an option."""
    models: tuple[tuple[Place, type[BaseModel]], ...] = (
        ("body", route.body),
        ("query", route.query),
    )
    return fields_of(models, map(str.lower, route.headers))


def _call(route: Route, fields: tuple[Field, ...], given: Given) -> None:
    """Raises NotAsked, Unreachable, Refused."""
    out: Path | None = given.get("out")
    request = request_for(route, fields, given)
    server, token = access.server(given["server"]), access.token(given["token-file"], route)
    for name in route.headers:
        option = f"--{name.lower()}={request.headers[name]}"
        _aside.print(f"The same request again: {option}", markup=False)
    answer = calling.ask(server, token, request, out)
    if given.get("json") and answer.raw:
        typer.echo(answer.raw)
    if answer.refused:
        raise refusal(answer, route, fields)
    if not given.get("json"):
        _tell(answer, out)


def _tell(answer: calling.Answer, out: Path | None) -> None:
    if out is not None:
        _aside.print(f"{answer.size:,} bytes are in {out}", markup=False)
    elif answer.raw:
        showing.show(console, answer.content)
    else:
        console.print("Done.")


def request_for(route: Route, fields: tuple[Field, ...], given: Given) -> calling.Request:
    """Checked as the daemon will check it. Raises NotAsked."""
    path = filled(route, _path_values(route, given))
    query_fields = [each for each in fields if each.place == "query"]
    query = as_query(values(query_fields, given))
    file: Path | None = given.get(FILE)
    if file is not None and "filename" in route.query.model_fields:
        query.setdefault("filename", file.name)
    check_query(route.query, query, query_fields)
    return calling.Request(
        method=route.method,
        path=path,
        query=query,
        headers={name: given[name.lower()] or uuid.uuid4().hex for name in route.headers},
        body=None if route.body is Nothing else _body(route, fields, given),
        file=file,
    )


def _body(route: Route, fields: tuple[Field, ...], given: Given) -> Values:
    own = [each for each in fields if each.place == "body"]
    whole = whole_body(given["body"]) if given["body"] is not None else {}
    body = whole | values(own, given) | emptied(own, given.get("clear") or ())
    check_body(route.body, body, own)
    return body


def _path_values(route: Route, given: Given) -> dict[str, str]:
    found = {}
    for name, form in places(route).items():
        value = given[name.upper()]
        if not re.fullmatch(form, value):
            raise NotAsked(f"{name.upper()} must be {form_of(name, form)}, not “{value}”.")
        found[name] = quote(value, safe="")
    return found

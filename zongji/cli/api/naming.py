"""What the commands are called: the resource, the rest of the path, and what is done.

Rule: a name follows from its own route (method, path, what it answers, and for removals the handler), so
that a route added later renames nothing. Should two routes get one name, the later is named by its handler.

    GET    /api/todos                      todos list
    GET    /api/todos/{id}                 todos show ID
    PATCH  /api/todos/{id}                 todos change ID
    POST   /api/todos/{id}/reopen          todos reopen ID
    POST   /api/knowledge/entries          knowledge entries-create
    GET    /api/customers/{id}/timeline    customers timeline ID
    DELETE /api/tokens/{id}                tokens revoke ID
"""

import re
import sys
from collections.abc import Iterable, Mapping

from webui.routing import Route

_API = "/api/"
_PART = re.compile(r"/(?:\{(?P<name>\w+)(?::(?P<form>[^/]*))?\}|(?P<word>[^/{}]+))(?=/|$)")
_NO_PLURAL = ("ss", "us")


def by_resource(routes: Iterable[Route]) -> dict[str, dict[str, Route]]:
    """The routes that programs may use, by resource and command, both in the order of the table."""
    found: dict[str, dict[str, Route]] = {}
    for route in routes:
        if not (route.needs.by_token and route.path.startswith(_API)):
            continue
        resource, *words = _words(route)
        commands = found.setdefault(resource, {})
        name = "-".join(each for each in (*words, _verb(route, words)) if each)
        if name in commands:
            name = "-".join((*words, _kebab(route.handler.__name__)))
        if name in commands:
            raise ValueError(f"{resource} {name} would be two commands: name a handler otherwise")
        commands[name] = route
    return found


def places(route: Route) -> dict[str, str]:
    """What has to be put into the path, with the form that it must have."""
    return {
        part["name"]: part["form"] or "[^/]+"
        for part in _PART.finditer(route.path)
        if part["name"] is not None
    }


def filled(route: Route, values: Mapping[str, str]) -> str:
    """The path with the (quoted) values in their places."""
    return _PART.sub(
        lambda part: f"/{values[part['name']] if part['name'] else part['word']}", route.path
    )


def pattern(route: Route) -> str:
    """The path as people read it: `/api/todos/{id}`."""
    return filled(route, {name: f"{{{name}}}" for name in places(route)})


def about(commands: Mapping[str, Route]) -> str:
    """What a resource is about: what the module of its shortest path says."""
    route = min(commands.values(), key=lambda each: len(each.path))
    said = (sys.modules[route.handler.__module__].__doc__ or "").strip()
    return said.partition("\n")[0].partition(" Rule:")[0]


def _words(route: Route) -> list[str]:
    words = [part["word"] for part in _PART.finditer(route.path) if part["word"]]
    return [_kebab(word.partition(".")[0]) for word in words[1:]]


def _verb(route: Route, words: list[str]) -> str:
    """What comes after the words of the path; nothing, when they say it."""
    one = route.path.endswith("}")
    if route.method == "DELETE":
        return route.handler.__name__.partition("_")[0].replace("delete", "remove")
    if route.method in {"PUT", "PATCH"}:
        return "change"
    if route.method == "POST":
        plural = words and words[-1].endswith("s") and not words[-1].endswith(_NO_PLURAL)
        return "create" if plural or not words else ""
    if one:
        return "show"
    if words:
        return ""
    return "list" if route.answer and "items" in route.answer.model_fields else "show"


def _kebab(name: str) -> str:
    return name.replace("_", "-")

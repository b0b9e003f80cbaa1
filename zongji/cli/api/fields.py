"""The fields of a body or a query as options, read off the model's JSON schema.

Rule: whatever a model takes can be given by an option; what a field means is read off the same schema that
describes the API, so that the two cannot disagree.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

from pydantic import BaseModel

Schema = Mapping[str, Any]
Place = Literal["body", "query"]

FEW = 12
OWN = ("body", "clear", "help", "json", "out", "server", "token-file")
_SECRET = ("password", "secret")
_METAVARS = {
    "integer": "NUMBER",
    "number": "DECIMAL",
    "date": "DATE",
    "date-time": "TIME",
    "time": "TIME OF DAY",
}
_EXAMPLES = {"date": "such as 2026-07-31", "date-time": "such as 2026-07-31T09:00+08:00"}


class Kind(Enum):
    """How a value is written."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    CHOICE = "choice"
    SECRET = "secret"  # noqa: S105 - a kind of field
    MANY = "many"
    JSON = "json"
    JSONS = "jsons"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Field:
    """`name` is the one on the wire, `option` comes after the two dashes; `empty` is what stands for
    nothing at all (None, [] or {}), where `may_be_empty`.
    """

    place: Place
    name: str
    option: str
    kind: Kind
    metavar: str
    required: bool
    help: str
    choices: tuple[str, ...] = ()
    may_be_empty: bool = False
    empty: Any = None


def fields_of(
    models: Iterable[tuple[Place, type[BaseModel]]], taken: Iterable[str] = ()
) -> tuple[Field, ...]:
    """All the fields; an option that is taken already is called `--…-field`."""
    used, found = {*OWN, *taken}, []
    for place, model in models:
        schema = model.model_json_schema()
        for name, each in schema.get("properties", {}).items():
            field = _field(place, name, each, schema, used)
            used.add(field.option)
            found.append(field)
    return tuple(found)


def _field(place: Place, name: str, schema: Schema, model: Schema, used: set[str]) -> Field:
    defs = model.get("$defs", {})
    forms = _forms(schema, defs)
    kinds = [each for each in forms if each.get("type") != "null"]
    kind = _kind(name, kinds, defs)
    emptied: Any = {"array": [], "object": {}}.get(kinds[0].get("type", "")) if kinds else None
    required = name in model.get("required", ())
    option = name.replace("_", "-") + ("-file" if kind is Kind.SECRET else "")
    while option in used:
        option += "-field"
    return Field(
        place=place,
        name=name,
        option=option,
        kind=kind,
        metavar=_metavar(kind, kinds, defs),
        required=required,
        help=_help(schema, kind, kinds, defs, required=required),
        choices=_choices(kind, kinds, defs),
        may_be_empty=len(kinds) < len(forms) or emptied is not None,
        empty=None if len(kinds) < len(forms) else emptied,
    )


def _forms(schema: Schema, defs: Schema) -> list[Schema]:
    """What it may be, without references and nested alternatives."""
    if "$ref" in schema:
        return _forms(defs[schema["$ref"].rpartition("/")[2]], defs)
    several = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if several:
        return [form for each in several for form in _forms(each, defs)]
    return [schema]


def _kind(name: str, forms: list[Schema], defs: Schema) -> Kind:
    types = {each.get("type") for each in forms}
    if forms and all(_words(each) for each in forms):
        return Kind.CHOICE
    if types == {"boolean"}:
        return Kind.FLAG
    if types == {"integer"}:
        return Kind.NUMBER
    if forms and types <= {"string", "number", "integer"}:
        hidden = name.endswith(_SECRET) or any(each.get("format") == "password" for each in forms)
        return Kind.SECRET if hidden else Kind.TEXT
    if types == {"array"}:
        items = [item for each in forms for item in _forms(each.get("items", {}), defs)]
        plain = {each.get("type") for each in items} <= {"string", "number", "integer"}
        return Kind.MANY if plain else Kind.JSONS
    return Kind.JSON if forms and types <= {"array", "object"} else Kind.ANY


def _words(schema: Schema) -> tuple[str, ...]:
    """The words of a choice; empty when it is none."""
    words = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    return tuple(words) if all(isinstance(each, str) for each in words) else ()


def _choices(kind: Kind, forms: list[Schema], defs: Schema) -> tuple[str, ...]:
    if kind is Kind.MANY:
        forms = [item for each in forms for item in _forms(each["items"], defs)]
    elif kind is not Kind.CHOICE:
        return ()
    return tuple(dict.fromkeys(word for each in forms for word in _words(each)))


def _metavar(kind: Kind, forms: list[Schema], defs: Schema) -> str:
    if kind in {Kind.JSON, Kind.JSONS}:
        return "JSON"
    if kind is Kind.SECRET:
        return "FILE"
    if kind is Kind.MANY:
        forms = [item for each in forms for item in _forms(each["items"], defs)]
    if _choices(Kind.CHOICE, forms, defs):
        return "WORD"
    first = forms[0] if forms else {}
    return _METAVARS.get(first.get("format") or first.get("type", ""), "TEXT")


def _help(schema: Schema, kind: Kind, forms: list[Schema], defs: Schema, *, required: bool) -> str:
    """What may be given, in words."""
    said = ["required"] if required else []
    said.append(schema.get("description", ""))
    for form in forms:
        said += _bounds(form)
        if form.get("type") == "array":
            items = _forms(form.get("items", {}), defs)
            said += [bound for item in items for bound in (*_bounds(item), _parts(item))]
        said.append(_parts(form))
    choices = _choices(kind, forms, defs)
    if len(choices) > FEW or (choices and kind is Kind.MANY):
        said.append(f"one of {', '.join(choices)}")
    if kind in {Kind.MANY, Kind.JSONS}:
        said.append("may be repeated")
    if kind is Kind.SECRET:
        said.append("the file that holds it (- reads it from standard input)")
    default = schema.get("default")
    if not required and default not in (None, "", [], {}):
        said.append(f"else {_written(default)}")
    return "; ".join(dict.fromkeys(each for each in said if each))


def _bounds(form: Schema) -> list[str]:
    said = [_EXAMPLES.get(form.get("format", ""), "")]
    if "minimum" in form or "maximum" in form:
        said.append(_between(form.get("minimum"), form.get("maximum")))
    if "exclusiveMinimum" in form:
        said.append(f"more than {form['exclusiveMinimum']:g}")
    if "exclusiveMaximum" in form:
        said.append(f"less than {form['exclusiveMaximum']:g}")
    if "minLength" in form or "maxLength" in form:
        said.append(f"{_between(form.get('minLength'), form.get('maxLength'))} characters")
    if "minItems" in form or "maxItems" in form:
        said.append(f"{_between(form.get('minItems'), form.get('maxItems'))} of them")
    if form.get("type") == "string" and "pattern" in form:
        said.append(f"in the form {form['pattern']}")
    return said


def _between(least: float | None, most: float | None) -> str:
    if least is None:
        return f"at most {_figure(most)}"
    return f"at least {_figure(least)}" if most is None else f"{_figure(least)} to {_figure(most)}"


def _figure(number: float | None) -> str:
    return str(int(number)) if number is not None and number == int(number) else str(number)


def _parts(form: Schema) -> str:
    """The names in an object, those that it needs with a star."""
    needed = form.get("required", ())
    names = [f"{name}*" if name in needed else name for name in form.get("properties", {})]
    if not names and form.get("additionalProperties"):
        names = ["name: value"]
    return "{" + ", ".join(names) + "}" if names else ""


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(_written, value)) if isinstance(value, list) else str(value)

"""Bodies of requests made from a route's model: what it requires, and a text in a place of one's choice."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from tests.webui.test_web_scope import LATER, NOW, VALUES

Place = tuple[str, ...]
Schema = dict[str, Any]
_HINTS: Mapping[str, Any] = {
    "courier_code": "scope",
    "field": "city",
    "kind_code": "thanks",
    "level_code": "city",
    "password": "a long password 1",
    "role": "agent",
    "url": "http://127.0.0.1:9/hook",
}
"""Words that there are."""
_TIMES = {"date": NOW.date().isoformat(), "date-time": LATER, "time": "09:00:00"}


class Bodies:
    """Of a model; `ids` are the records that there are, by their place in a path."""

    def __init__(self, model: type[BaseModel], ids: Mapping[str, Any]) -> None:
        self._schema = model.model_json_schema()
        self._known: Schema = self._schema.get("$defs", {})
        self._ids = dict(ids)

    def texts(self) -> list[Place]:
        """Where texts may stand."""
        return list(dict.fromkeys(self._texts(self._schema, ())))

    def body(self, place: Place, value: str) -> Any:
        """What is required, and the value in its place."""
        return self._made(self._schema, "", place, value)

    def _choices(self, schema: Schema) -> Iterator[Schema]:
        if "$ref" in schema:
            yield from self._choices(self._known[schema["$ref"].rpartition("/")[2]])
        elif "anyOf" in schema:
            for each in schema["anyOf"]:
                yield from self._choices(each)
        else:
            yield schema

    def _texts(self, schema: Schema, place: Place) -> Iterator[Place]:
        for each in self._choices(schema):
            for step, inner in _inside(each):
                yield from self._texts(inner, (*place, step))
            if each.get("type") == "string":
                yield place

    def _made(self, schema: Schema, name: str, place: Place | None, value: str) -> Any:
        if place == ():
            return value
        options = list(self._choices(schema))
        way = next((each for each in options if place and self._leads(each, place[0])), options[0])
        if place is None and name in VALUES and self._ids:
            return VALUES[name](self._ids)
        if place is None and name in _HINTS and "enum" not in way:
            return _HINTS[name]
        if way.get("type") == "object":
            return self._object(way, place, value)
        if way.get("type") == "array":
            return self._list(way, place, value)
        return _least(way)

    def _object(self, way: Schema, place: Place | None, value: str) -> dict[str, Any]:
        inner = way.get("properties", {})
        names = [*way.get("required", ())]
        if place and place[0] not in names:
            names.append(place[0])
        return {
            name: self._made(
                inner.get(name) or way.get("additionalProperties"),
                name,
                place[1:] if place and name == place[0] else None,
                value,
            )
            for name in names
        }

    def _list(self, way: Schema, place: Place | None, value: str) -> list[Any]:
        several = [
            self._made(each, "", place[1:] if place and place[0] == str(at) else None, value)
            for at, each in enumerate(way.get("prefixItems", ()))
        ]
        if several or not (place or way.get("minItems")):
            return several
        return [self._made(way["items"], "", place[1:] if place else None, value)]

    @staticmethod
    def _leads(schema: Schema, step: str) -> bool:
        return any(step == each for each, _ in _inside(schema))


def _inside(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """What stands in an object or a list, and the step that leads there."""
    if schema.get("type") == "object":
        yield from schema.get("properties", {}).items()
        if isinstance(more := schema.get("additionalProperties"), dict):
            yield "any", more
    elif schema.get("type") == "array":
        yield from ((str(at), each) for at, each in enumerate(schema.get("prefixItems", ())))
        if "items" in schema:
            yield "0", schema["items"]


def _least(schema: Schema) -> Any:
    """The least that is accepted."""
    if choices := schema.get("enum") or ([schema["const"]] if "const" in schema else []):
        return choices[0]
    plain = {
        "integer": max(1, schema.get("minimum", 1)),
        "number": 1,
        "boolean": True,
        "null": None,
    }
    return _TIMES.get(schema.get("format", "")) or plain.get(schema.get("type", ""), "abcd")

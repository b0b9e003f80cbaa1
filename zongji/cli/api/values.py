"""What was given on the command line, as the body and the query of a request.

Rule: what is sent is what was given and nothing besides (a field that was not given stays as it is), and it was
held against the model by which the daemon will judge it.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from zongji.cli.api.errors import NotAsked
from zongji.cli.api.fields import Field, Kind

Values = dict[str, Any]
STDIN = Path("-")
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")


def values(fields: Iterable[Field], given: Mapping[str, Any]) -> Values:
    """The fields that were given, by their names on the wire. Raises NotAsked."""
    return {
        field.name: _value(field, given[field.option])
        for field in fields
        if given.get(field.option) not in (None, [], ())
    }


def emptied(fields: Iterable[Field], names: Iterable[str]) -> Values:
    """The fields that are to hold nothing. Raises NotAsked."""
    known = {field.option: field for field in fields if field.may_be_empty}
    for name in names:
        if name not in known:
            may = ", ".join(known) or "none"
            raise NotAsked(f"--clear: “{name}” cannot be emptied; what can: {may}.")
    return {known[name].name: known[name].empty for name in names}


def whole_body(file: Path) -> Values:
    """The JSON object in a file, or on standard input. Raises NotAsked."""
    try:
        read = json.loads(_read(file, "--body"))
    except ValueError as error:
        raise NotAsked(f"--body: {_shown(file)} is not JSON ({error}).") from error
    if not isinstance(read, dict):
        raise NotAsked(f"--body: {_shown(file)} must hold one JSON object: {{…}}.")
    return read


def check_body(model: type[BaseModel], body: Values, fields: Iterable[Field]) -> None:
    """Raises NotAsked naming each wrong option."""
    try:
        model.model_validate_json(json.dumps(body))
    except ValidationError as error:
        raise NotAsked(_faults(error, fields)) from error


def check_query(model: type[BaseModel], query: Values, fields: Iterable[Field]) -> None:
    """Likewise; a query is text only."""
    try:
        model.model_validate(query)
    except ValidationError as error:
        raise NotAsked(_faults(error, fields)) from error


def as_query(values: Values) -> dict[str, str]:
    """As it stands in an address; lists are parted by commas."""
    return {name: _in_query(value) for name, value in values.items()}


def _in_query(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return json.dumps(value) if isinstance(value, bool) else str(value)


def named(place: Iterable[str | int], fields: Iterable[Field]) -> str:
    """Where something is wrong, as the one who typed it calls it."""
    first, *rest = place
    option = next((f"--{field.option}" for field in fields if field.name == first), str(first))
    inner = (f"no. {each + 1}" if isinstance(each, int) else str(each) for each in rest)
    return ", ".join((option, *inner))


def _faults(error: ValidationError, fields: Iterable[Field]) -> str:
    fields = tuple(fields)
    return "\n  ".join(
        _fault(each["loc"], each["type"], each["msg"], fields)
        for each in error.errors(include_url=False, include_input=False, include_context=False)
    )


def _fault(place: tuple[int | str, ...], kind: str, message: str, fields: tuple[Field, ...]) -> str:
    message = message.removeprefix("Value error, ")
    if not place:
        return f"{message}."
    if kind == "missing":
        return f"{named(place, fields)} is missing: it is needed here."
    if kind == "extra_forbidden":
        return f"{named(place, fields)}: there is no such field."
    return f"{named(place, fields)}: {message}."


def _value(field: Field, given: Any) -> Any:
    match field.kind:
        case Kind.NUMBER if _WHOLE.fullmatch(given):
            return int(given)
        case Kind.SECRET:
            return _read(given, f"--{field.option}").rstrip("\r\n")
        case Kind.JSON:
            return _json(field, given)
        case Kind.JSONS:
            return [item for each in given for item in _items(field, each)]
        case Kind.ANY:
            return _json_or_text(given)
    return given


def _items(field: Field, text: str) -> list[Any]:
    """One text is one item, or several in brackets; what is no object is left to the model."""
    if not text.lstrip().startswith(("{", "[")):
        return [text]
    read = _json(field, text)
    return read if isinstance(read, list) else [read]


def _json(field: Field, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise NotAsked(f"--{field.option}: this is not JSON ({error}).") from error


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read(file: Path, option: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
        return raw.decode()
    except OSError as error:
        raise NotAsked(f"{option}: {_shown(file)} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise NotAsked(f"{option}: {_shown(file)} is not UTF-8.") from error


def _shown(file: Path) -> str:
    return "what came on standard input" if file == STDIN else str(file)

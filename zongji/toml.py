"""Settings written as TOML, which Python's library only reads.

Rule: what is written is read back the same; pure.
"""

import json
import re
from collections.abc import Iterator, Mapping

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def to_toml(values: Mapping[str, object]) -> str:
    """Plain values first, then tables and lists of tables; deeper tables stand inline."""
    return "\n".join(_lines(values)) + "\n"


def _lines(values: Mapping[str, object]) -> Iterator[str]:
    tables = {key: found for key, value in values.items() if (found := _tables(value))}
    yield from (f"{_key(key)} = {_value(values[key])}" for key in values if key not in tables)
    for key, items in tables.items():
        head = f"[[{_key(key)}]]" if isinstance(values[key], list) else f"[{_key(key)}]"
        for item in items:
            yield from ("", head)
            yield from (f"{_key(name)} = {_value(each)}" for name, each in item.items())


def _tables(value: object) -> list[Mapping[str, object]]:
    """The table, or the tables of a list of nothing but tables."""
    items = value if isinstance(value, list) else [value]
    tables = [item for item in items if isinstance(item, Mapping)]
    return tables if len(tables) == len(items) else []


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _text(key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items())
        return "{" + inner + "}"
    return _text(str(value))


def _text(text: str) -> str:
    """A basic string; JSON's escapes are TOML's, but for DEL, which TOML wants escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

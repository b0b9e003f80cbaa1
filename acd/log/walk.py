"""A call's way through the menus, summed up in its record while it walks. Rule: pure.

`walk` of a call: {menu: {"keys": {key: times}, "wrong": times, "silent": times}} for every menu that was heard, so that
branches can be counted without a look at the steps, also when those have expired.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from acd.rows import CallRow

_NEW: Mapping[str, Any] = {"keys": {}, "wrong": 0, "silent": 0}


def heard(row: CallRow, menu: str, path: tuple[str, ...]) -> CallRow:
    """The caller hears this menu, where these keys led."""
    walk = row.walk or {}
    return replace(
        row,
        last_menu=menu,
        menu_path=path,
        walk=walk if menu in walk else {**walk, menu: _NEW},
        wrong_keys=row.wrong_keys or 0,
        services=row.services or (),
    )


def noted(row: CallRow, kind: str, detail: Mapping[str, object]) -> CallRow:
    """A step of the call is written."""
    menu = detail.get("menu")
    if kind == "service":
        return replace(row, services=_with(row.services or (), str(detail["service"])))
    if not isinstance(menu, str) or menu not in (row.walk or {}):
        return row
    match kind:
        case "key":
            return _counted(row, menu, "keys", str(detail["key"]))
        case "wrong_key":
            return replace(_counted(row, menu, "wrong"), wrong_keys=(row.wrong_keys or 0) + 1)
        case "no_key":
            return _counted(row, menu, "silent")
    return row


def _with(services: tuple[str, ...], service: str) -> tuple[str, ...]:
    return services if service in services else (*services, service)


def _counted(row: CallRow, menu: str, what: str, key: str | None = None) -> CallRow:
    walk = row.walk or {}
    told = walk[menu]
    if key is None:
        told = {**told, what: told[what] + 1}
    else:
        told = {**told, what: {**told[what], key: told[what].get(key, 0) + 1}}
    return replace(row, walk={**walk, menu: told})

"""Why a call went where it went, told from its record: who it was, which rules held, who was asked and who was not.

Rule: pure; told is what was written down when it happened, in the order in which it did, also across restarts. A step
that nobody here has words for is named, so that nothing is left out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from acd.events import Reason, StepKind
from acd.rows import CallRow, StepRow

Names = Mapping[int, str]
"""People by their ids."""
_ELSEWHERE = {
    "key", "no_key", "wrong_key", "digits", "menu_answered", "service", "service_done", "ringing",
}  # fmt: skip
"""Told by the keypad log, or by another step."""


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that happened or was decided; screens translate the codes of it and of its reasons."""

    at: datetime
    code: str
    params: Mapping[str, str]
    why: tuple[Reason, ...] = ()


def explain(row: CallRow, steps: Sequence[StepRow], names: Names) -> tuple[Told, ...]:
    """The whole way of a call."""
    return tuple(
        Told(step.at, code, params, why)
        for step in steps
        for code, params, why in _told(row, step, names)
    )


def mentioned(steps: Sequence[StepRow]) -> set[int]:
    """The ids of everybody whom an explanation names."""
    return {found for step in steps for found in _ids(step.detail)}


_Line = tuple[str, dict[str, str], tuple[Reason, ...]]


def _told(row: CallRow, step: StepRow, names: Names) -> Iterator[_Line]:
    teller = _TELLERS.get(step.kind)
    if teller is not None:
        yield from teller(row, step.detail, names)
    elif step.kind in _KNOWN:
        yield from _plainly(step.kind, step.detail, names)
    elif step.kind not in _ELSEWHERE:
        yield "step", {"kind": step.kind}, ()


def _started(row: CallRow, detail: Mapping[str, Any], names: Names) -> Iterator[_Line]:
    del detail, names
    yield "started", _texts(direction=row.direction, number=row.caller, did=row.did), ()
    if row.line_version is not None:
        yield "line_version", {"version": str(row.line_version)}, ()


def _identified(row: CallRow, detail: Mapping[str, Any], names: Names) -> Iterator[_Line]:
    del names
    if detail.get("customer_id") is not None:
        name = detail.get("customer_name")
        yield "identified", _texts(customer=name, customer_id=detail["customer_id"]), ()
        if detail.get("level"):
            yield "level", {"level": detail["level"]}, ()
        if detail.get("remembered"):
            yield "from_memory", {}, ()
    elif row.caller is None:
        yield "hidden_number", {}, ()
    else:
        yield "unknown_number", {"number": row.caller}, ()
    places = (detail.get("province"), detail.get("city"), detail.get("area_code"))
    if any(places):
        home = " ".join(dict.fromkeys(each for each in places if each))
        yield "home", _texts(place=home, by=detail.get("place_by")), ()
    else:
        yield "home_unknown", {}, ()


def _routed(row: CallRow, detail: Mapping[str, Any], names: Names) -> Iterator[_Line]:
    del row
    if detail.get("menu_path"):
        yield "menu_choice", {"choice": "-".join(detail["menu_path"])}, ()
    for each in detail.get("rules", ()):
        yield f"rule_{each['outcome']}", {"rule": each["rule"]}, _reasons(each["why"], names)
    for group in detail.get("preferred", ()):
        agents = "、".join(_name(each, names) for each in group["agents"])
        yield f"prefers_{group['role']}", {"agents": agents}, ()
    if detail.get("skills"):
        yield "skills_needed", {"skills": detail["skills"]}, ()
    params = _texts(queue=detail.get("queue"), priority=detail.get("priority"))
    by = _texts(by=detail.get("decided_by"), medium=detail.get("medium"))
    yield "routed", params | by, _reasons(detail.get("why", ()), names)


def _offered(row: CallRow, detail: Mapping[str, Any], names: Names) -> Iterator[_Line]:
    del row
    yield "offered", _agent(detail, names), _reasons(detail.get("why", ()), names)
    for each in detail.get("others", ()):
        yield f"passed_{each['why']}", _agent(each, names), ()


def _answered(row: CallRow, detail: Mapping[str, Any], names: Names) -> Iterator[_Line]:
    waited = _texts()
    if row.answered_at is not None and row.queued_at is not None:
        seconds = max(0.0, (row.answered_at - row.queued_at).total_seconds())
        waited = {"seconds": str(round(seconds))}
    yield "answered", _agent(detail, names) | waited, ()


def _diverted(row: CallRow, detail: Mapping[str, Any], names: Names) -> Iterator[_Line]:
    del row
    why = _reasons(detail.get("why", ()), names)
    if detail.get("way") == "announce":
        yield "announces", _texts(announcement=detail.get("to")), why
    else:
        yield "diverted", _texts(way=detail.get("way"), to=detail.get("to")), why


def _announced(row: CallRow, detail: Mapping[str, Any], names: Names) -> Iterator[_Line]:
    del row, names
    if "position" in detail:
        yield "place_told", _texts(position=detail["position"], wait=detail.get("told")), ()
    else:
        yield "announced", _texts(announcement=detail.get("announcement")), ()


def _at_phone(row: CallRow, detail: Mapping[str, Any], names: Names) -> Iterator[_Line]:
    """A telephone without an agent; of an agent's the offer has told."""
    del row, names
    if "agent_id" not in detail:
        if "extension" in detail:
            yield "dialled", _texts(extension=detail["extension"]), ()
        else:
            yield "dial_ended", _texts(status=detail.get("status")), ()


def _plainly(kind: str, detail: Mapping[str, Any], names: Names) -> Iterator[_Line]:
    """With the details of the step as they stand there."""
    flat = {name: value for name, value in detail.items() if isinstance(value, str | int | float)}
    why = _reasons(detail.get("why", ()), names)
    yield kind, _texts(**flat) | _agent(detail, names) | _by(detail, names), why


_KNOWN = {*get_args(StepKind)} - _ELSEWHERE
_TELLERS: Mapping[str, Callable[[CallRow, Mapping[str, Any], Names], Iterator[_Line]]] = {
    "started": _started,
    "identified": _identified,
    "routed": _routed,
    "offered": _offered,
    "answered": _answered,
    "diverted": _diverted,
    "announced": _announced,
    "dialled": _at_phone,
    "dial_ended": _at_phone,
}
"""Of the other kinds, what stands with the step is told."""


def _reasons(written: Any, names: Names) -> tuple[Reason, ...]:
    return tuple(_reason(each, names) for each in written or () if isinstance(each, dict))


def _reason(written: Mapping[str, Any], names: Names) -> Reason:
    params = {name: str(value) for name, value in written.get("params", {}).items()}
    if params.get("agent_id", "").isdecimal():
        params["agent"] = _name(int(params["agent_id"]), names)
    return Reason(str(written.get("code")), params)


def _agent(detail: Mapping[str, Any], names: Names) -> dict[str, str]:
    agent_id = detail.get("agent_id")
    return {"agent": _name(agent_id, names)} if isinstance(agent_id, int) else {}


def _by(detail: Mapping[str, Any], names: Names) -> dict[str, str]:
    """Who did it."""
    user_id = detail.get("by")
    return {"by": _name(user_id, names)} if isinstance(user_id, int) else {}


def _name(user_id: int, names: Names) -> str:
    return names.get(user_id) or f"#{user_id}"


def _texts(**values: object) -> dict[str, str]:
    """What is there, as text."""
    return {name: str(value) for name, value in values.items() if value is not None}


def _ids(detail: object) -> Iterator[int]:
    if isinstance(detail, dict):
        for name, value in detail.items():
            if name == "agent_id" and str(value).isdecimal():
                yield int(value)
            elif name == "by" and isinstance(value, int):
                yield value
            elif name == "agents":
                yield from (each for each in value if isinstance(each, int))
            else:
                yield from _ids(value)
    elif isinstance(detail, list):
        for each in detail:
            yield from _ids(each)

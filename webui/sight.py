"""What a role may not see is taken out of an answer, wherever in it a record stands.

Rule: every view of a record names its `ENTITY`; a field of it can be hidden when it has a default, and a
hidden field has that default; so has a field that gives a hidden one away. It holds for HTTP answers and for pages alike, because both pass here.
"""

from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel

from crm_core.field_rights import is_hidden
from webui.views import View

_ALWAYS = frozenset({"version"})  # an edit needs it
_ViewT = TypeVar("_ViewT", bound=BaseModel)


def seen(view: _ViewT, hidden: frozenset[str]) -> _ViewT:
    """The view without the hidden fields (such as `customer.credit_limit`)."""
    if not hidden:
        return view
    changed: dict[str, Any] = {}
    for name in type(view).model_fields:
        value = getattr(view, name)
        shown = _default(view, name) if _is_hidden(view, name, hidden) else _seen(value, hidden)
        if shown is not value:
            changed[name] = shown
    return view.model_copy(update=changed) if changed else view


def _seen(value: Any, hidden: frozenset[str]) -> Any:
    if isinstance(value, BaseModel):
        return seen(value, hidden)
    if isinstance(value, tuple) and any(isinstance(each, BaseModel) for each in value):
        return tuple(seen(each, hidden) for each in value if not _left_out(each, hidden))
    return value


def _is_hidden(view: BaseModel, name: str, hidden: frozenset[str]) -> bool:
    if not isinstance(view, View) or view.ENTITY is None or name in _ALWAYS:
        return False
    field = type(view).model_fields[name]
    codes = _codes(type(view), name)
    return not field.is_required() and any(is_hidden(each, hidden) for each in codes)


def _left_out(each: BaseModel, hidden: frozenset[str]) -> bool:
    """An entry of a list that is a field of its own, as custom fields are, or tells of a hidden one."""
    return isinstance(each, View) and any(is_hidden(name, hidden) for name in each.own_fields())


def _default(view: BaseModel, name: str) -> Any:
    return type(view).model_fields[name].get_default(call_default_factory=True)


def hideable_fields() -> frozenset[str]:
    """Every field that a role can be kept from, of all views there are."""
    return frozenset(
        code
        for view in _views(View)
        if view.ENTITY is not None
        for name, field in view.model_fields.items()
        if not field.is_required() and name not in _ALWAYS
        for code in _codes(view, name)
    )


def _codes(view: type[View], name: str) -> tuple[str, ...]:
    """What a field stands for: one field of the record, or all those of which it tells."""
    told = view.SAME_FIELD.get(name, name)
    return tuple(f"{view.ENTITY}.{each}" for each in ((told,) if isinstance(told, str) else told))


def _views(view: type[View]) -> Iterator[type[View]]:
    for each in view.__subclasses__():
        yield each
        yield from _views(each)

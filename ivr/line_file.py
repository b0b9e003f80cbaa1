"""The line file, read: the plan (acd/lineplan_file.py) and the menus together.

Rule: what loads can be walked without surprise: every target exists, every menu can be reached and left at
any time, every text is there in both languages. Faults are named with line and reason, all at once.
"""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from acd.lineplan import LinePlan
from acd.lineplan_file import read_plan
from acd.located import Document, load, parse
from ivr.menu import Announcement, ExtensionsPlan, MenuPlan, Menus, OperatorPlan
from ivr.menu_checks import check_menus
from ivr.survey_plan import read_surveys

Read = TypeVar("Read", bound=BaseModel)


def load_line(path: Path) -> tuple[LinePlan, Menus]:
    """The whole line file. Raises FileRefused with every fault."""
    return _read(load(path))


def read_line(text: str, name: str = "line.yaml") -> tuple[LinePlan, Menus]:
    """A line file that was read already. Raises FileRefused with every fault."""
    return _read(parse(text, name))


def _read(document: Document) -> tuple[LinePlan, Menus]:
    plan = read_plan(document)
    return plan, read_menus(document, plan)


def read_menus(document: Document, plan: LinePlan) -> Menus:
    """The menus that the plan's numbers lead to. Raises FileRefused."""
    if not document.section("menus"):
        document.fault("here belong the menus", "menus")
    named = _named(document, "menus", MenuPlan)
    announcements = _named(document, "announcements", Announcement)
    operator = _one(document, "operator", OperatorPlan)
    extensions = _one(document, "extensions", ExtensionsPlan)
    document.check()
    menus = Menus(
        by_name=named,
        surveys=read_surveys(document, plan),
        announcements=announcements,
        operator=operator,
        extensions=extensions,
    )
    check_menus(document, menus, plan)
    document.check()
    return menus


def _named(document: Document, section: str, model: type[Read]) -> dict[str, Read]:
    """A section of the shape “name: settings”."""
    entries = document.section(section)
    if not entries:
        return {}
    if not isinstance(entries, dict):
        document.fault(f"here belong the {section}", section)
        return {}
    read = {name: document.read(model, section, name, name=name) for name in entries}
    return {name: value for name, value in read.items() if value is not None}


def _one(document: Document, section: str, model: type[Read]) -> Read | None:
    return None if document.section(section) is None else document.read(model, section)

"""Small line files for tests: one queue, one number, and the menus given."""

from acd.lineplan import LinePlan
from acd.lineplan_file import read_plan
from acd.located import parse
from ivr.line_file import read_menus
from ivr.menu import Menus

PLAN = """\
queues:
  north: {label_zh: 华北, label_en: North}
dids:
  "4006001001": {medium: 电视广告, menu: main}
routes:
  - {name: default, queue: north}
menus:
"""
FIRST_MENU_LINE = PLAN.count("\n") + 1

TWO_MENUS = """\
  main:
    say: {zh: 批发请按一，零售请按二。, en: Press one or two.}
    keys:
      "1": {menu: wholesale}
      "2": {route: true}
      "8": {language: zh}
      "9": {language: en}
      "#": {repeat: true}
    otherwise: "2"
  wholesale:
    say: {zh: 华北请按一。, en: Press one.}
    keys:
      "1": {route: true}
      "*": {back: true}
    otherwise: "1-1"
"""


def read_line(menus: str = TWO_MENUS, plan: str = PLAN) -> tuple[LinePlan, Menus]:
    """The plan and the menus of a file. Raises FileRefused."""
    document = parse(plan + menus)
    found = read_plan(document)
    return found, read_menus(document, found)

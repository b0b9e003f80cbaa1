"""The pages have words, in both languages, for everything that a call's record can say."""

import re
from typing import get_args

import pytest

from acd.events import CallOutcome, StepKind
from zongji.settings import ROOT

_LOCALES = ROOT / "webui" / "frontend" / "src" / "locales"
_PLACES = {"place_told", "place_and_wait_told"}
"""How the page calls `announced` when it was a place in the line."""


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
@pytest.mark.parametrize(
    ("table", "codes"),
    [
        ("steps", {*get_args(StepKind), *_PLACES}),
        ("outcomes", {*get_args(CallOutcome)}),
    ],
)
def test_every_code_of_a_record_has_words(locale: str, table: str, codes: set[str]) -> None:
    text = (_LOCALES / locale / "codes.ts").read_text()
    found = re.search(rf"^  {table}: \{{\n(.*?)^  \}},$", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    assert set(re.findall(r"^    (\w+): ", found[1], re.MULTILINE)) == codes

"""Options that several commands share: which line file, whose folder, which programs.

Rule: what is not given is what the settings say; without settings it is the demonstration's.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from crm_core.customers.criteria import Condition
from zongji import settings
from zongji.installation import Installation
from zongji.platform.errors import PlatformError
from zongji.settings import ROOT

LineFile = Annotated[Path | None, typer.Option("--file", help="The line file, if not the usual.")]
Var = Annotated[Path | None, typer.Option("--var", help="The installation's folder, likewise.")]
Programs = Annotated[
    Path,
    typer.Option(
        "--programs",
        envvar="ZONGJI_PROGRAMS",
        help="Where Asterisk and the speech programs lie; / for the system's own.",
    ),
]

Where = Annotated[
    list[str] | None,
    typer.Option(help="A condition such as “level=city”, “credit_limit>=1000”, “name~海河”."),
]

PROGRAMS = ROOT / ".zongji" / "asterisk"
_LINE_FILE = ROOT / "asterisk-conf" / "line.yaml"


_OPERATORS = {"~": "contains", ">=": "from", "<=": "to", "=": "is"}


def conditions(written: Sequence[str] | None) -> list[Condition]:
    """Of `--where`. Raises PlatformError."""
    return [_condition(each) for each in written or ()]


def _condition(written: str) -> Condition:
    for sign, operator in _OPERATORS.items():
        field, found, value = written.partition(sign)
        if found:
            return Condition.model_validate({"field": field, "op": operator, "value": value})
    raise PlatformError(f"--where takes field=value, field>=value, field~word, not “{written}”.")


def line_file(given: Path | None = None) -> Path:
    """Raises SettingsError."""
    if given is not None:
        return given
    return settings.load().line_file if settings.settings_file().exists() else _LINE_FILE


def installation(var: Path | None = None, programs: Path = PROGRAMS) -> Installation:
    """Raises SettingsError."""
    if var is None and settings.settings_file().exists():
        var = settings.load().var
    return Installation(var=var or ROOT / ".zongji", programs=programs)

"""Options that several commands share: which line file, whose folder, which programs.

Rule: what is not given is what the settings say; without settings it is the demonstration's.
"""

from pathlib import Path
from typing import Annotated

import typer

from zongji import settings
from zongji.installation import Installation
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

PROGRAMS = ROOT / ".zongji" / "asterisk"
_LINE_FILE = ROOT / "asterisk-conf" / "line.yaml"


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

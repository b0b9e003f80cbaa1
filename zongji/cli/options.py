"""Options that several commands share. Rule: each has the environment variable that the daemon's own
setting of the same meaning has, so that a service is told once.
"""

from pathlib import Path
from typing import Annotated

import typer

from zongji.settings import ROOT

LINE_FILE = ROOT / "asterisk-conf" / "line.yaml"
VAR = ROOT / ".zongji"
PROGRAMS = VAR / "asterisk"

LineFile = Annotated[
    Path, typer.Option("--file", envvar="ZONGJI_LINE_FILE", help="The line file to read.")
]
Var = Annotated[
    Path, typer.Option("--var", envvar="ZONGJI_VAR", help="Where this installation's files lie.")
]
Programs = Annotated[
    Path,
    typer.Option(
        "--programs",
        envvar="ZONGJI_PROGRAMS",
        help="Where Asterisk and the speech programs lie; / for the system's own.",
    ),
]

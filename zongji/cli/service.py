"""Setting up a service that is not the demonstration: its settings file."""

import secrets
from pathlib import Path
from typing import Annotated

import typer

from crm_core.whole_files import write_if_changed
from zongji.cli.options import Var, installation
from zongji.cli.progress import console
from zongji.platform.errors import PlatformError


def configure(
    database: Annotated[
        str, typer.Option(help="Where PostgreSQL is: postgresql://user@host/database.")
    ],
    password_file: Annotated[
        Path, typer.Option(help="Holds that user's password; made when it is not there.")
    ],
    var: Var = None,
) -> None:
    """Write the settings file of a service into `--var`. What you changed in it is kept.

    Then: `zongji db upgrade`, `zongji asterisk render`, `zongji prompts build`, `zongji serve`.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        address = make_url(database)
    except ArgumentError as error:
        raise PlatformError(
            "--database takes an address such as postgresql://user@host/database."
        ) from error
    if address.password is not None:
        raise PlatformError("--database is shown to everybody: put the password into a file.")
    complete = address.set(password=_password(password_file))
    place = installation(var)
    place.var.mkdir(parents=True, exist_ok=True, mode=0o700)
    place.write_settings(complete.render_as_string(hide_password=False))
    console.print(f"The settings are in {place.settings_file}")


def _password(file: Path) -> str:
    try:
        if not file.exists():
            write_if_changed(file, secrets.token_urlsafe(24))
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise PlatformError(f"{file} cannot be used: {error.strerror}.") from error

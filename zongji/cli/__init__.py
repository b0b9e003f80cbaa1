"""The `zongji` command. Rule: an error a person can mend is one sentence, not a traceback."""

import sys

from rich.console import Console
from rich.markup import escape

from acd.located import FileRefused
from crm_core.errors import DomainError
from ivr.tts import SpeechError
from zongji.cli.app import app
from zongji.logs import configure_logging
from zongji.platform.errors import PlatformError
from zongji.settings import SettingsError


def main() -> None:
    """Entry point of the console script."""
    say = Console(stderr=True, highlight=False)
    configure_logging(quiet=True)  # people read what the command prints; `serve` logs
    try:
        app()
    except (PlatformError, SettingsError, DomainError, SpeechError) as error:
        say.print(f"[red]✗[/red] {escape(str(error))}")
        sys.exit(1)
    except FileRefused as error:
        for fault in error.faults:
            say.print(f"[red]✗[/red] {escape(str(fault))}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)

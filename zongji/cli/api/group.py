"""The group `zongji api`, and below it one for each resource.

Rule: nothing of the web world is imported before somebody asks for one of these commands.
"""

from collections.abc import Callable, Mapping
from typing import Any

import typer
from typer.core import TyperGroup

Commands = Mapping[str, Any]
_HELP = """\
The HTTP API of a running daemon as commands: `zongji api todos list`, `zongji api todos show 17`.

Make a token with `zongji token create …` and put it into `ZONGJI_TOKEN` or a file. The daemon is the one of the
settings; another one is named by `--server` or `ZONGJI_SERVER`. `--json` prints the answer as it came."""


def lazily(load: Callable[[], Commands]) -> type[TyperGroup]:
    """A kind of group whose commands are loaded when the first of them is asked for."""

    class Lazy(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:
            self._fill()
            return super().list_commands(ctx)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            self._fill()
            return super().get_command(ctx, cmd_name)

        def _fill(self) -> None:
            if not self.commands:
                self.commands.update(load())

    return Lazy


def _resources() -> Commands:
    from webui.routes import ROUTES
    from zongji.cli.api.naming import about, by_resource

    groups = typer.Typer()
    for resource, commands in by_resource(ROUTES).items():

        def load(commands: Mapping[str, Any] = commands) -> Commands:
            return _commands(commands)

        group = typer.Typer(cls=lazily(load), help=about(commands), no_args_is_help=True)
        groups.add_typer(group, name=resource)
    return typer.main.get_group(groups).commands


def _commands(routes: Mapping[str, Any]) -> Commands:
    from zongji.cli.api.command import command, explained

    group = typer.Typer(rich_markup_mode="markdown")
    for name, route in routes.items():
        group.command(name, help=explained(route))(command(route))
    return typer.main.get_group(group).commands


app = typer.Typer(cls=lazily(_resources), help=_HELP, no_args_is_help=True)

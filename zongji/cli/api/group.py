"""The group `zongji api`, and below it one for each resource.

Rule: nothing of the web world is imported before somebody asks for one of these commands.
"""

from collections.abc import Mapping
from typing import Any

import typer

from zongji.cli.lazy import Commands, lazily


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


app = typer.Typer(cls=lazily(_resources))

"""Groups of commands that are imported when somebody asks for one of them, so that `--help` and every other
command start at once.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

Commands = Mapping[str, Any]


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


def group(module: str, name: str, explained: str) -> typer.Typer:
    """The group that a module has under this name."""

    def load() -> Commands:
        found = typer.main.get_group(getattr(import_module(module), name))
        found.list_commands(typer.Context(found))  # one that is lazy itself loads its own
        return found.commands

    return typer.Typer(cls=lazily(load), help=explained, no_args_is_help=True)

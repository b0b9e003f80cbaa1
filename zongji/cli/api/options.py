"""The arguments and options of a command, as Typer wants them: a signature.

Rule: an option's name here is what stands after its two dashes; arguments are written in capitals.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from webui.asked import Nothing
from webui.routing import CALL, CODE, NUMBER, SKU, Route
from zongji.cli.api.access import TOKEN
from zongji.cli.api.fields import FEW, Field, Kind
from zongji.cli.api.naming import places

KEY = "Idempotency-Key"
FILE = "FILE"
_FORMS = {
    NUMBER: "a number",
    CALL: "the 32 letters and digits of a call",
    SKU: "an article number",
    CODE: "a code (a small letter, then small letters, digits and _)",
}
_FIELDS, _ASKING = "Fields", "How to ask"


@dataclass(frozen=True, slots=True)
class Option:
    """Without a default where it is `needed`; otherwise None when it is not given."""

    name: str
    annotation: Any
    needed: bool = False


def options(route: Route, fields: Iterable[Field]) -> tuple[Option, ...]:
    """All that the command takes, in the order of its help."""
    fields = tuple(fields)
    return (
        *_arguments(route),
        *(Option(field.option, _of_field(field)) for field in fields),
        *_for_body(route, [each for each in fields if each.place == "body"]),
        *(_header(name) for name in route.headers),
        *_for_answer(route),
        *_for_daemon(),
    )


def form_of(name: str, pattern: str) -> str:
    """What may stand in this place of a path, in words."""
    return _FORMS.get(f"{{{name}:{pattern}}}", f"in the form {pattern}")


def with_signature(wanted: Iterable[Option], work: Callable[[Mapping[str, Any]], None]) -> Any:
    """The function for Typer, which hands what was given to `work` by the options' names."""
    names = {f"given_{number}": option for number, option in enumerate(wanted)}

    def run(**typed: Any) -> None:
        work({names[parameter].name: value for parameter, value in typed.items()})

    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                parameter,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if option.needed else None,
                annotation=option.annotation,
            )
            for parameter, option in names.items()
        ]
    )
    return run


def _arguments(route: Route) -> Iterable[Option]:
    for name, pattern in places(route).items():
        said = form_of(name, pattern)
        argument = typer.Argument(metavar=name.upper(), help=said[0].upper() + said[1:] + ".")
        yield Option(name.upper(), Annotated[str, argument], needed=True)
    if route.raw:
        argument = typer.Argument(
            metavar=FILE, help="The file to hand in.", exists=True, dir_okay=False, readable=True
        )
        yield Option(FILE, Annotated[Path, argument], needed=True)


def _of_field(field: Field) -> Any:
    names = [f"--{field.option}"]
    more: dict[str, Any] = {"metavar": field.metavar}
    kind: Any = str
    match field.kind:
        case Kind.FLAG:
            kind, more, names = bool, {}, [f"--{field.option}/--no-{field.option}"]
        case Kind.CHOICE if len(field.choices) <= FEW:
            kind, more = Literal[field.choices], {}
        case Kind.MANY | Kind.JSONS:
            kind = list[str]
        case Kind.SECRET:
            kind, more = Path, {"metavar": FILE, "dir_okay": False, "allow_dash": True}
    if field.choices and more:
        more["autocompletion"] = lambda: list(field.choices)
    option = typer.Option(
        *names, help=_escaped(field.help), rich_help_panel=_FIELDS, show_default=False, **more
    )
    return Annotated[kind | None, option]


def _for_body(route: Route, fields: list[Field]) -> Iterable[Option]:
    if route.body is Nothing:
        return
    whole = typer.Option(
        "--body",
        metavar=FILE,
        help="A JSON object with the fields (- reads standard input); options count more.",
        rich_help_panel=_ASKING,
        dir_okay=False,
        allow_dash=True,
    )
    yield Option("body", Annotated[Path | None, whole])
    may = [field.option for field in fields if field.may_be_empty]
    if may:
        clear = typer.Option(
            "--clear",
            metavar="FIELD",
            help="Send this field with nothing in it; may be repeated.",
            rich_help_panel=_ASKING,
            autocompletion=lambda: may,
        )
        yield Option("clear", Annotated[list[str] | None, clear])


def _header(name: str) -> Option:
    fresh = name == KEY
    said = "A key of your own" if fresh else f"The header {name}"
    option = typer.Option(
        f"--{name.lower()}",
        help=f"{said}; the same key is the same request, however often it is sent."
        if fresh
        else said,
        rich_help_panel=_ASKING,
    )
    return Option(
        name.lower(), Annotated[str | None, option] if fresh else Annotated[str, option], not fresh
    )


def _for_answer(route: Route) -> Iterable[Option]:
    if route.answers_file:
        out = typer.Option(
            "--out",
            metavar=FILE,
            help="Where the file goes (- is standard output).",
            rich_help_panel=_ASKING,
            dir_okay=False,
            allow_dash=True,
        )
        yield Option("out", Annotated[Path, out], needed=True)
    else:
        raw = typer.Option("--json", help="Print the answer as it came.", rich_help_panel=_ASKING)
        yield Option("json", Annotated[bool | None, raw])


def _for_daemon() -> Iterable[Option]:
    server = typer.Option(
        "--server",
        envvar="ZONGJI_SERVER",
        metavar="ADDRESS",
        help="The daemon, if not the one of the settings: https://…",
        rich_help_panel=_ASKING,
    )
    yield Option("server", Annotated[str | None, server])
    token = typer.Option(
        "--token-file",
        envvar=f"{TOKEN}_FILE",
        metavar=FILE,
        help=f"Holds the service token; else it is in {TOKEN}.",
        rich_help_panel=_ASKING,
        dir_okay=False,
    )
    yield Option("token-file", Annotated[Path | None, token])


def _escaped(text: str) -> str:
    """Brackets are markup to Rich."""
    return text.replace("[", "\\[")

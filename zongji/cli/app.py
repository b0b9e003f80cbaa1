"""The tree of commands. Each command's docstring is its help."""

import typer

from zongji.cli import (
    asterisk,
    audit,
    customers,
    database,
    gateway,
    insight,
    line,
    outbound,
    people,
    privacy,
    running,
    service,
    tokens,
)

app = typer.Typer(
    name="zongji",
    help=(
        "Zongji 总机: the order line of a business that sells by phone.\n\n"
        "Try it: `zongji run` brings everything up on this machine and shows one call. "
        "In service: `zongji configure`, `zongji db upgrade`, `zongji asterisk render`, then `zongji serve`."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.command()(running.run)
app.command()(service.configure)
app.command()(running.serve)
app.command()(running.call)
app.command()(gateway.sandbox_gateway)
app.command()(running.doctor)
app.command()(running.tools)
app.command()(running.pages)
app.command(hidden=True)(customers.exchange)
app.add_typer(people.app, name="user")
app.add_typer(tokens.app, name="token")
app.add_typer(customers.app, name="customers")
app.add_typer(insight.app, name="insight")
app.add_typer(privacy.app, name="privacy")
app.add_typer(database.app, name="db")
app.add_typer(audit.app, name="audit")
app.add_typer(line.menus, name="menu")
app.add_typer(line.prompts, name="prompts")
app.add_typer(outbound.campaigns, name="campaign")
app.add_typer(outbound.do_not_call, name="do-not-call")
app.add_typer(asterisk.app, name="asterisk")

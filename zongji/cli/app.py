"""The tree of commands. Each command's docstring is its help.

Rule: only what runs things is imported here; the modules of `GROUPS` are when one of their commands is asked for.
"""

import typer

from zongji.cli import gateway, lazy, running, service

_API = """\
The HTTP API of a running daemon as commands: `zongji api todos list`, `zongji api todos show 17`.

Make a token with `zongji token create …` and put it into `ZONGJI_TOKEN` or a file. The daemon is the one of the
settings; another one is named by `--server` or `ZONGJI_SERVER`. `--json` prints the answer as it came."""
GROUPS = (
    (
        "user",
        "people",
        "app",
        "People who log in: list, add, set a password, end sessions, deactivate.",
    ),
    ("token", "tokens", "app", "Tokens with which programs use the API: create, list, revoke."),
    ("customers", "customers", "app", "Customers in bulk: import, export."),
    ("insight", "insight", "app", "Customer insight: grades, segments, warnings of customers."),
    (
        "privacy",
        "privacy",
        "app",
        "Personal data: requests of persons to see what is kept of them, or to have it erased.",
    ),
    ("delivery", "delivery", "app", "Delivery: orders sorted to couriers."),
    ("db", "database", "app", "The database: bring the schema up to date, look at it."),
    (
        "audit",
        "audit",
        "app",
        "The audit trail, who changed what: check it, search it, archive it.",
    ),
    (
        "menu",
        "line_try",
        "menus",
        "Menus, numbers, routes and queues: checked, in versions, tried out.",
    ),
    (
        "places",
        "places",
        "app",
        "Where numbers are at home: import and export of segments, a look at one number.",
    ),
    ("prompts", "line", "prompts", "What the line says: spoken texts and your recordings."),
    ("calls", "calls", "app", "Calls: why they went where they went."),
    (
        "campaign",
        "outbound",
        "campaigns",
        "Campaigns: lists of people to call, one call for each agent who is free.",
    ),
    ("ledger", "ledger", "app", "Every attempt at a number, and whether the ledger was altered."),
    ("consent", "consent", "app", "Who agrees to be called by campaigns, and what proves it."),
    ("do-not-call", "do_not_call", "app", "Numbers that are never dialled; why one is not."),
    ("asterisk", "asterisk", "app", "The PBX: fetch it, render its configuration."),
    ("api", "api.group", "app", _API),
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
app.command(hidden=True)(running.exchange)
for each, module, name, explained in GROUPS:
    app.add_typer(lazy.group(f"zongji.cli.{module}", name, explained), name=each)

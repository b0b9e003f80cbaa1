"""Personal data: what persons ask for, given or erased."""

import json
from pathlib import Path
from typing import Annotated

import typer

from crm_core.db import Database
from crm_core.privacy.commands import NewRequest, Refusal, RequestKind, RequestQuery, RequestState
from crm_core.privacy.views import PersonalData, RequestView
from crm_core.rights import SYSTEM
from crm_core.services import Crm
from zongji.cli.progress import console
from zongji.core import connected
from zongji.platform.errors import PlatformError

app = typer.Typer()

RequestId = Annotated[int, typer.Argument(help="The request's number, from `zongji privacy list`.")]


@app.command("list")
def list_requests(
    state: Annotated[RequestState, typer.Option(help="Which requests.")] = RequestState.OPEN,
) -> None:
    """Requests, the oldest first, with the day by which the law wants an answer."""

    async def work(_: Database, crm: Crm) -> tuple[RequestView, ...]:
        return await crm.privacy.listed(SYSTEM, RequestQuery(state=state, limit=200))

    for each in connected(work):
        late = "  [red]overdue[/red]" if each.overdue else ""
        console.print(
            f"{each.id:>6}  {each.kind:<8} customer {each.customer_id:<9} by {each.due_at:%Y-%m-%d}{late}"
        )


@app.command()
def enter(
    customer: Annotated[int, typer.Argument(help="The customer's id.")],
    kind: Annotated[RequestKind, typer.Argument(help="What the person asks for.")],
    identified_by: Annotated[
        str, typer.Option(help="How it was made sure who asks, naming nobody.")
    ],
) -> None:
    """Note a request."""
    new = NewRequest(customer_id=customer, kind=kind, identified_by=identified_by)

    async def work(_: Database, crm: Crm) -> RequestView:
        return await crm.privacy.enter(SYSTEM, new)

    made = connected(work)
    console.print(f"request {made.id}, to be answered by {made.due_at:%Y-%m-%d}")


@app.command()
def export(
    request: RequestId,
    file: Annotated[Path, typer.Argument(help="The JSON file to write; it must not be there yet.")],
) -> None:
    """Write all that is kept of the person into a file, which answers a request for access."""
    if file.exists():
        raise PlatformError(f"{file} is there already: choose another name.")

    async def work(_: Database, crm: Crm) -> PersonalData:
        return await crm.privacy.data(SYSTEM, request)

    found = connected(work)
    whole = {"customer_id": found.customer_id, "made_at": found.made_at}
    text = json.dumps(
        whole | {"tables": found.tables, "history": found.history},
        default=str,
        ensure_ascii=False,
        indent=1,
    )
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
    console.print(f"{sum(map(len, found.tables.values()))} rows of {len(found.tables)} tables")


@app.command()
def erase(
    request: RequestId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase all that points to the person. It cannot be undone; orders and calls stay without a name."""
    if not yes:
        typer.confirm("Erase this person? It cannot be undone.", abort=True)

    async def work(_: Database, crm: Crm) -> RequestView:
        return await crm.privacy.erase(SYSTEM, request)

    done = connected(work)
    for table, rows in sorted(done.done.items()):
        console.print(f"{rows:>7}  {table}")


@app.command()
def refuse(
    request: RequestId,
    reason: Annotated[str, typer.Option(help="Why the law allows it, naming nobody.")],
) -> None:
    """Refuse a request."""

    async def work(_: Database, crm: Crm) -> RequestView:
        return await crm.privacy.refuse(SYSTEM, request, Refusal(reason=reason))

    console.print(f"request {connected(work).id} is refused")

"""The PBX's configuration."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from crm_core.db import Database
from crm_core.people.accounts import AccountService
from zongji import settings
from zongji.cli.options import PROGRAMS, Programs, Var, installation
from zongji.cli.progress import console, step
from zongji.installation import Installation
from zongji.platform import debian
from zongji.platform.asterisk import TEMPLATES, write_pbx
from zongji.platform.site import AgentPhone, Site

app = typer.Typer()


@app.command()
def install() -> None:
    """Fetch Asterisk 22 from the distribution's packages into `.zongji`, without root."""
    with step("Asterisk 22 and speech") as tell:
        debian.unpack(Installation().programs, tell)


@app.command()
def render(
    site: Annotated[Path, typer.Option(help="The site's values.")] = TEMPLATES / "site.toml",
    name: Annotated[str, typer.Option(help="The node's name in Zongji's settings.")] = "pbx1",
    var: Var = None,
    programs: Programs = PROGRAMS,
) -> None:
    """Fill the templates of asterisk-conf with the site's values, secrets and the agents' phones."""
    place = installation(var, programs)
    phones = asyncio.run(_phones(place))
    changed = write_pbx(place.pbx, Site.load(site), place.secrets, phones, name)
    for path in changed:
        console.print(f"wrote {path}")
    console.print(f"{len(changed)} files changed, {len(phones)} agents' phones")


async def _phones(place: Installation) -> list[AgentPhone]:
    database = Database(settings.load().database_url.get_secret_value())
    try:
        agents = await AccountService(database).agents()
    finally:
        await database.close()
    kept = place.secrets
    return [
        AgentPhone(agent.extension, agent.name, kept[f"phone-{agent.extension}"])
        for agent in agents
        if agent.extension
    ]

"""Which daemon is asked, and with which token.

Rule: a token is read from the environment or a file, never from an argument, and never travels unencrypted
beyond this machine.
"""

import os
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from crm_core.rights import Right
from webui.routing import Route
from zongji import settings
from zongji.cli.api.errors import NotAsked
from zongji.settings import SettingsError

TOKEN = "ZONGJI_TOKEN"  # noqa: S105 - its place, not the token
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - nothing is bound here


def server(given: str | None) -> str:
    """The daemon's address, without a slash at its end. Raises NotAsked."""
    if not given:
        return _of_the_settings()
    try:
        parts = urlsplit(given.rstrip("/"))
        known = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or True)
    except ValueError:
        known = False
    if not known or parts.query or parts.fragment or parts.username:
        raise NotAsked(f"--server takes an address such as https://line.shop.example, not {given}.")
    if parts.scheme == "http" and not _is_here(parts):
        raise NotAsked(
            f"The token would travel to {parts.hostname} for everybody to read: give an address "
            "that begins with https://."
        )
    return parts.geturl()


def token(file: Path | None, route: Route) -> str | None:
    """The token; None where none is needed and none is there. Raises NotAsked saying how to make one."""
    found = _in_file(file) if file is not None else os.environ.get(TOKEN, "").strip()
    if found and not (found.isascii() and found.isprintable() and " " not in found):
        raise NotAsked("What was given as the token cannot be one: a token is one word, zj_….")
    if not found and route.needs.session:
        raise NotAsked(
            f"A service token is needed. Make one with `{recipe(route)}`, then put it into {TOKEN} "
            "or into a file that --token-file names."
        )
    return found or None


def recipe(route: Route) -> str:
    """The command that makes a token for this route."""
    right = min(route.needs.any_of, default=Right.AGENT_WORK)
    return f"zongji token create NAME --for LOGIN --right {right}"


def _of_the_settings() -> str:
    try:
        web = settings.load().web
    except SettingsError as error:
        raise NotAsked(
            f"Which daemon? Give --server (or ZONGJI_SERVER), or settings in order: {error}"
        ) from error
    host = _ANY_ADDRESS.get(web.host, web.host)
    return web.model_copy(update={"host": host}).address


def _is_here(address: SplitResult) -> bool:
    host = address.hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _in_file(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotAsked(f"--token-file: {file} cannot be read.") from error

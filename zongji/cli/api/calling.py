"""One request to the daemon, and its answer.

Rule: certificates are checked and redirections are not followed, so that a token reaches only the daemon that
was named; a file is complete or it is not there.
"""

import asyncio
import contextlib
import json
import os
import tempfile
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from rich.console import Console

from zongji.cli.api.errors import NotAsked, Unreachable
from zongji.cli.api.values import STDIN

T = TypeVar("T")
_PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=300)
_CHUNK = 1 << 18
_SPINNER_AFTER_S = 1.0
_FIRST_FAULT = 300  # redirections too: the daemon makes none


@dataclass(frozen=True, slots=True)
class Request:
    """`path` is quoted already; the body is `body` as JSON, or the bytes of `file`."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`raw` is empty when it went into a file; then `size` says how much."""

    status: int
    raw: bytes
    size: int

    @property
    def refused(self) -> bool:
        return self.status >= _FIRST_FAULT

    @property
    def content(self) -> Any:
        """The JSON; None when it is none."""
        try:
            return json.loads(self.raw)
        except ValueError:
            return None


def ask(server: str, token: str | None, request: Request, out: Path | None = None) -> Answer:
    """The answer; its content goes into `out` if that is given and it is no refusal.

    Raises Unreachable, NotAsked when a file cannot be used.
    """
    return asyncio.run(_patiently(_ask(server, token, request, out), f"asking {server}"))


async def _ask(server: str, token: str | None, request: Request, out: Path | None) -> Answer:
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        async with (
            _payload(request) as (data, kind),
            aiohttp.ClientSession(timeout=_PATIENCE, middlewares=[_once]) as http,
            http.request(
                request.method,
                server + request.path,
                params=request.query,
                data=data,
                headers={**bearer, **kind, **request.headers},
                allow_redirects=False,
            ) as answer,
        ):
            if out is None or answer.status >= _FIRST_FAULT:
                raw = await answer.read()
                return Answer(answer.status, raw, len(raw))
            return Answer(answer.status, b"", await _keep(answer, out))
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unreachable(_why(error, server)) from error


async def _once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Raises Unreachable: a connection that broke is told, where aiohttp would ask again by itself."""
    try:
        return await send(request)
    except aiohttp.ClientError as error:
        raise Unreachable(_why(error, str(request.url.origin()))) from error


@contextlib.asynccontextmanager
async def _payload(request: Request) -> AsyncIterator[tuple[Any, dict[str, str]]]:
    """What is sent, and the header that says what it is."""
    if request.file is not None:
        try:
            file = await asyncio.to_thread(request.file.open, "rb")
        except OSError as error:
            raise NotAsked(f"{request.file} cannot be read: {error.strerror}.") from error
        with file:
            yield file, {"Content-Type": "application/octet-stream"}
    elif request.body is not None:
        yield json.dumps(request.body).encode(), {"Content-Type": "application/json"}
    else:
        yield None, {}


async def _keep(answer: aiohttp.ClientResponse, out: Path) -> int:
    """The bytes that were written. The file is for its owner only: it may hold personal data."""
    if out == STDIN:
        return await _copy(answer, 1)
    try:
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    except OSError as error:
        raise NotAsked(f"--out: {out} cannot be written: {error.strerror}.") from error
    part = Path(name)
    try:
        try:
            size = await _copy(answer, handle)
        finally:
            os.close(handle)
        await asyncio.to_thread(part.replace, out)
    except OSError as error:
        raise NotAsked(f"--out: {out} cannot be written: {error.strerror}.") from error
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)
    return size


async def _copy(answer: aiohttp.ClientResponse, handle: int) -> int:
    size = 0
    with open(handle, "wb", closefd=False) as file:  # noqa: ASYNC230 - to a descriptor
        async for chunk in answer.content.iter_chunked(_CHUNK):
            size += await asyncio.to_thread(file.write, chunk)
    return size


async def _patiently(work: Coroutine[Any, Any, T], title: str) -> T:
    """With something that turns, once it takes longer than a second."""
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=_SPINNER_AFTER_S)
    if not done:
        with Console(stderr=True, highlight=False).status(f"{title} …"):
            await asyncio.wait({task})
    return task.result()


def _why(error: Exception, server: str) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return (
            f"The certificate of {server} is not accepted: give --server with the name it is made "
            "for; the file of an authority of your own is named by SSL_CERT_FILE."
        )
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"There is no machine of the name in {server}: see --server and ZONGJI_SERVER."
    if isinstance(error, aiohttp.ClientConnectorError):
        return (
            f"The daemon does not answer at {server}: start it with `zongji serve` (the "
            "demonstration with `zongji run`), or name another one with --server."
        )
    return (
        f"The connection to {server} broke before the answer was complete; whether it was done is "
        f"not known ({type(error).__name__})."
    )

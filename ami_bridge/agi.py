"""A call in the hands of one coroutine: typed AGI commands.

Rule: hang-up is cancellation, so that the life of a call reads top to bottom. The key D belongs to
this program, not to callers: AMI presses it on the channel to end a running wait or prompt, and it is
never reported as a key. Waits are cut into slices shorter than a second, so a waking reaches the
caller within that time also while the AMI link is down.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from ami_bridge.agi_connection import AgiConnection
from ami_bridge.agi_framing import AgiEnvironment, AgiReply, command
from ami_bridge.errors import AgiRefused, AmiBridgeError, CallerHungUp, UnsafeValue

log = structlog.get_logger(__name__)

WAKE_KEY = "D"
_KEYS = frozenset("0123456789*#ABCD")
_SLICE_S = 0.8
_STRAY_MS = 40
_STRIKE_S = 0.3
_NO_APPLICATION = -2

Interrupt = Callable[[AgiEnvironment], Awaitable[None]]
Wake = asyncio.Future[Any]


class AgiSession:
    """Every command raises CallerHungUp after the hang-up and AgiRefused when Asterisk refuses it."""

    def __init__(
        self, connection: AgiConnection, env: AgiEnvironment, interrupt: Interrupt
    ) -> None:
        self.env = env
        self._connection = connection
        self._interrupt = interrupt

    @property
    def hung_up(self) -> bool:
        return self._connection.hung_up

    async def answer(self) -> None:
        _alive(await self._ask("ANSWER"))

    async def hangup(self) -> None:
        """End the call; the handler is then cancelled like at any hang-up."""
        await self._ask("HANGUP")

    async def noop(self) -> None:
        await self._ask("NOOP")

    async def get_variable(self, name: str) -> str | None:
        """A channel variable or function; None when it is not set."""
        reply = await self._ask("GET VARIABLE", name)
        return (reply.data or "") if reply.result == "1" else None

    async def set_variable(self, name: str, value: str) -> None:
        await self._ask("SET VARIABLE", name, value)

    async def set_language(self, code: str) -> None:
        await self.set_variable("CHANNEL(language)", code)

    async def set_caller_name(self, text: str) -> None:
        """The name that the agent's telephone shows; line breaks become spaces."""
        shown = "".join(sign if sign.isprintable() else " " for sign in text)
        await self.set_variable("CALLERID(name)", shown)

    async def music(self, on: bool, class_: str = "default") -> None:
        """Music on hold; it plays on during waits until it is switched off."""
        await (self._ask("SET MUSIC", "on", class_) if on else self._ask("SET MUSIC", "off"))

    async def exec(self, app: str, *args: str) -> int:
        """Run a dialplan application to its end; its result, which is -1 after an answered Dial.

        A comma inside an argument would make two of it, so it is refused (UnsafeValue).
        """
        if any("," in arg for arg in args):
            raise UnsafeValue(f"{app}: give each argument by itself, without commas")
        result = _whole(await self._ask("EXEC", app, ",".join(args)))
        if result == _NO_APPLICATION:
            raise AgiRefused(f"Asterisk has no application {app}")
        if result < 0:
            await self._still_there()
        return result

    async def stream_file(self, path: str, escape_digits: str = "") -> str | None:
        """Play a prompt; the key that ended it, else None."""
        return await self._stream(path, escape_digits, None)

    async def play(
        self, paths: Sequence[str], *, escape_digits: str = "", wake: Wake | None = None
    ) -> str | None:
        """Prompts one after the other; ends at a key (returned) or when `wake` is done (None)."""
        for path in paths:
            if wake is not None and wake.done():
                return None
            digit = await self._stream(path, escape_digits, wake)
            if digit is not None:
                return digit
        return None

    async def wait_for_digit(self, timeout_s: float) -> str | None:
        """A key, None when the time is over."""
        end = _now() + timeout_s
        while (left := end - _now()) > 0:
            digit = _digit(await self._ask("WAIT FOR DIGIT", _milliseconds(left)))
            if digit != WAKE_KEY:
                return digit
        return None

    async def hold_until(self, wake: Wake, *, timeout_s: float | None) -> str | None:
        """Wait, with the music that is on; a key when one is pressed, None at `wake` or timeout."""
        end = None if timeout_s is None else _now() + timeout_s
        while not wake.done():
            left = _SLICE_S if end is None else min(_SLICE_S, end - _now())
            if left <= 0:
                return None
            digit = await self._heard(command("WAIT FOR DIGIT", _milliseconds(left)), wake)
            if digit is not None and digit != WAKE_KEY:
                return digit
        return None

    async def _ask(self, verb: str, *values: str | int) -> AgiReply:
        return await self._connection.ask(command(verb, *values))

    async def _stream(self, path: str, escape_digits: str, wake: Wake | None) -> str | None:
        """A prompt cut short by a late D of an earlier waking is played again."""
        line = command("STREAM FILE", path, escape_digits + (WAKE_KEY if wake else ""))
        while True:
            try:
                digit = await self._heard(line, wake)
            except CallerHungUp:
                await self._still_there()
                log.warning("prompt_not_played", path=path)
                return None
            if digit != WAKE_KEY:
                return digit
            if wake is None or wake.done():
                return None

    async def _still_there(self) -> None:
        """Asterisk says -1 of a hang-up and of other ends; after a hang-up this is cancelled."""
        _alive(await self._ask("CHANNEL STATUS"))

    async def _heard(self, line: bytes, wake: Wake | None) -> str | None:
        """The key that ended the command, which `wake` may cut short."""
        reply = self._connection.begin(line)
        if wake is None:
            return _digit(self._connection.checked(await reply))
        await asyncio.wait((reply, wake), return_when=asyncio.FIRST_COMPLETED)
        if reply.done():
            return _digit(self._connection.checked(reply.result()))
        strike = asyncio.ensure_future(self._strike())
        try:
            digit = _digit(self._connection.checked(await reply))
            if digit == WAKE_KEY:
                return digit
            await asyncio.wait((strike,), timeout=_STRIKE_S)
            if not strike.done() or not strike.result():
                return digit
        finally:
            strike.cancel()
        stray = _digit(await self._ask("WAIT FOR DIGIT", _STRAY_MS))
        return digit or stray

    async def _strike(self) -> bool:
        """Press D on the caller's channel; False when AMI cannot."""
        try:
            await self._interrupt(self.env)
        except AmiBridgeError as error:
            log.debug("wake_key_not_sent", channel=self.env.channel, why=error.code)
            return False
        return True


def _digit(reply: AgiReply) -> str | None:
    """The key in a reply; Asterisk's 1 for “interrupted by the next command” is none."""
    key = chr(_alive(reply))
    return key if key in _KEYS else None


def _alive(reply: AgiReply) -> int:
    """The result; -1 is how these commands say that the channel is gone."""
    result = _whole(reply)
    if result < 0:
        raise CallerHungUp("the channel is gone")
    return result


def _whole(reply: AgiReply) -> int:
    try:
        return int(reply.result)
    except ValueError:
        raise AgiRefused(f"no result in {reply.text!r}") from None


def _milliseconds(seconds: float) -> int:
    return max(int(seconds * 1000), 1)


def _now() -> float:
    return asyncio.get_running_loop().time()

"""A call in the hands of one coroutine: typed AGI commands.

Rule: hang-up is cancellation, so that the life of a call reads top to bottom. A wait is ended by the next command. A prompt
is ended by the key D, which belongs to this program, not to callers: AMI presses it on the channel, and it is never
reported as a key; while the AMI link is down prompts go on to their end. Asterisk drops keys that are pressed while no
command runs; a session that keeps them listens while the program is busy with something else.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from ami_bridge.agi_connection import AgiConnection
from ami_bridge.agi_framing import AgiEnvironment, AgiReply, command
from ami_bridge.errors import AgiRefused, AmiBridgeError, CallerHungUp, UnsafeValue

log = structlog.get_logger(__name__)

WAKE_KEY = "D"
_KEYS = frozenset("0123456789*#ABCD")
_LONGEST_S = 3600.0
_STRAY_MS = 40
_STRIKE_S = 0.3
_NO_APPLICATION = -2
_BUSY_S = 0.02
LISTENING_MS = 60_000
"""How long the wait is that listens between two commands; the next command ends it."""

Interrupt = Callable[[AgiEnvironment], Awaitable[None]]
NotPlayed = Callable[[str], None]
Wake = asyncio.Future[Any]


class AgiSession:
    """Every command raises CallerHungUp after the hang-up and AgiRefused when Asterisk refuses it."""

    def __init__(
        self,
        connection: AgiConnection,
        env: AgiEnvironment,
        *,
        interrupt: Interrupt,
        not_played: NotPlayed,
    ) -> None:
        self.env = env
        self._connection = connection
        self._interrupt = interrupt
        self._not_played = not_played
        self._answered = False
        self._keeps = False
        self._ahead: deque[str] = deque()
        self._idle: asyncio.TimerHandle | None = None
        self._listening: asyncio.Future[AgiReply] | None = None

    @property
    def hung_up(self) -> bool:
        return self._connection.hung_up

    async def answer(self) -> None:
        """Once; a call that was answered here stays so."""
        if not self._answered:
            _alive(await self._ask("ANSWER"))
            self._answered = True

    async def hangup(self) -> None:
        """End the call; the handler is then cancelled like at any hang-up."""
        await self._ask("HANGUP")

    async def noop(self) -> None:
        await self._ask("NOOP")

    def keep_keys(self, *, on: bool) -> None:
        """Whether keys that are pressed while nothing asks for any answer the next question; off forgets them."""
        self._keeps = on
        self._rest()
        if not on:
            self.forget_keys()

    def forget_keys(self) -> None:
        """What was pressed ahead answers nothing."""
        self._ahead.clear()

    def put_back(self, key: str) -> None:
        """The key answers the next question."""
        self._ahead.appendleft(key)

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
        """Prompts one after the other; ends at a key (returned) or when `wake` is done (None). A key pressed ahead is
        returned at once where a key may end the prompts.
        """
        for path in paths:
            if wake is not None and wake.done():
                return None
            if escape_digits and (ahead := await self._pressed_ahead()) is not None:
                return ahead
            digit = await self._stream(path, escape_digits, wake)
            if digit is not None:
                return digit
        return None

    async def wait_for_digit(self, timeout_s: float) -> str | None:
        """A key, also one pressed ahead; None when the time is over."""
        if (ahead := await self._pressed_ahead()) is not None:
            return ahead
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
            left = _LONGEST_S if end is None else min(_LONGEST_S, end - _now())
            if left <= 0:
                return None
            reply = self._begin(command("WAIT FOR DIGIT", _milliseconds(left)))
            await asyncio.wait((reply, wake), return_when=asyncio.FIRST_COMPLETED)
            if not reply.done():
                await self.noop()
            digit = _digit(self._connection.checked(await reply))
            if digit is not None and digit != WAKE_KEY:
                return digit
        return None

    async def _ask(self, verb: str, *values: str | int) -> AgiReply:
        return self._connection.checked(await self._begin(command(verb, *values)))

    def _begin(self, line: bytes) -> asyncio.Future[AgiReply]:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        reply = self._connection.begin(line)
        if self._keeps:
            reply.add_done_callback(lambda _: self._rest())
        return reply

    def _rest(self) -> None:
        """No command runs: unless one follows soon, listen."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if self._keeps and not self.hung_up:
            self._idle = asyncio.get_running_loop().call_later(_BUSY_S, self._listen)

    def _listen(self) -> None:
        self._idle = None
        if self._connection.idle and not self.hung_up:
            self._listening = self._connection.begin(command("WAIT FOR DIGIT", LISTENING_MS))
            self._listening.add_done_callback(self._overheard)

    def _overheard(self, reply: asyncio.Future[AgiReply]) -> None:
        self._listening = None
        try:
            digit = _digit(self._connection.checked(reply.result()))
        except (AgiRefused, CallerHungUp):
            return
        if digit is not None and digit != WAKE_KEY:
            self._ahead.append(digit)
        self._rest()

    async def _pressed_ahead(self) -> str | None:
        """The next of the keys that were kept, once nothing listens any more."""
        if self._listening is not None:
            await self.noop()
        return self._ahead.popleft() if self._ahead else None

    async def _stream(self, path: str, escape_digits: str, wake: Wake | None) -> str | None:
        """A prompt cut short by a late D of an earlier waking is played again."""
        line = command("STREAM FILE", path, escape_digits + (WAKE_KEY if wake else ""))
        while True:
            try:
                digit = await self._heard(line, wake)
            except CallerHungUp:
                await self._still_there()
                log.warning("prompt_not_played", path=path)
                self._not_played(path)
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
        reply = self._begin(line)
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

"""FastAGI over real sockets: calls, hang-up, waking, and peers that mean no good."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest

from ami_bridge.agi import LISTENING_MS, AgiSession, Interrupt
from ami_bridge.agi_framing import AgiEnvironment, AgiLimits
from ami_bridge.errors import AgiRefused, CallerHungUp, LinkDown, UnsafeValue
from ami_bridge.fastagi import FastAgiServer
from tests.ami_bridge.agi_peer import ENVIRONMENT, AgiPeer
from tests.ami_bridge.fake_asterisk import until

Work = Callable[[AgiSession], Awaitable[object]]
LISTENING = f'WAIT FOR DIGIT "{LISTENING_MS}"'


async def no_link(_: AgiEnvironment) -> None:
    raise LinkDown("no link", sent=False)


@asynccontextmanager
async def serving(
    handler: Callable[[AgiSession], Awaitable[None]],
    *,
    interrupt: Interrupt = no_link,
    allowed: str = "127.0.0.0/8",
    limits: AgiLimits | None = None,
) -> AsyncIterator[FastAgiServer]:
    server = FastAgiServer(
        handler,
        host="127.0.0.1",
        port=0,
        allowed=[ip_network(allowed)],
        limits=limits,
        interrupt=interrupt,
    )
    await server.start()
    yield server
    await server.close()


@asynccontextmanager
async def one_call(
    work: Work,
    interrupt: Interrupt = no_link,
) -> AsyncIterator[tuple[AgiPeer, asyncio.Future[object]]]:
    """A peer, and what becomes of `work` on its session (a result or an exception)."""
    outcome: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    async def handler(session: AgiSession) -> None:
        try:
            outcome.set_result(await work(session))
        except (Exception, asyncio.CancelledError) as error:
            outcome.set_result(error)
            raise

    async with serving(handler, interrupt=interrupt) as server:
        yield await AgiPeer.call(server.port), outcome


@pytest.mark.parametrize(
    ("work", "command", "reply", "expected"),
    [
        (lambda s: s.get_variable("X"), 'GET VARIABLE "X"', "200 result=1 (a)", "a"),
        (lambda s: s.get_variable("X"), 'GET VARIABLE "X"', "200 result=0", None),
        (
            lambda s: s.set_variable("X", 'a"\\'),
            'SET VARIABLE "X" "a\\"\\\\"',
            "200 result=1",
            None,
        ),
        (lambda s: s.answer(), "ANSWER", "200 result=0", None),
        (lambda s: s.hangup(), "HANGUP", "200 result=1", None),
        (lambda s: s.noop(), "NOOP", "200 result=0", None),
        (lambda s: s.music(on=True), 'SET MUSIC "on" "default"', "200 result=0", None),
        (lambda s: s.music(on=False), 'SET MUSIC "off"', "200 result=0", None),
        (lambda s: s.exec("Dial", "PJSIP/1", "20"), 'EXEC "Dial" "PJSIP/1,20"', "200 result=0", 0),
        (lambda s: s.stream_file("hi", "1"), 'STREAM FILE "hi" "1"', "200 result=49 endpos=1", "1"),
        (lambda s: s.stream_file("hi"), 'STREAM FILE "hi" ""', "200 result=0 endpos=9", None),
        (
            lambda s: s.set_language("zh"),
            'SET VARIABLE "CHANNEL(language)" "zh"',
            "200 result=1",
            None,
        ),
        (
            lambda s: s.set_caller_name("王\n小"),
            'SET VARIABLE "CALLERID(name)" "王 小"',
            "200 result=1",
            None,
        ),
    ],
)
async def test_each_command_is_written_and_its_reply_read(work, command, reply, expected):
    async with one_call(work) as (peer, outcome):
        await peer.expect(command, reply)
        assert await outcome == expected
        assert await peer.closed()


async def test_the_call_is_described_to_the_handler():
    async def work(session: AgiSession) -> object:
        return session.env.query["did"], session.env.caller, session.env.channel

    async with one_call(work) as (_, outcome):
        assert await outcome == ("02223456789", "13800138000", "PJSIP/trunk-00000001")


async def test_fault_1_a_peer_that_leaves_before_its_headers_costs_nothing():
    async def work(session: AgiSession) -> None:
        await session.noop()

    async with serving(work) as server:
        for said in (b"", b"agi_request: x", b"GET / HTTP/1.0\r\n\r\n", b"\0" * 20_000):
            peer = await AgiPeer.call(server.port, said)
            peer.leave()
        peer = await AgiPeer.call(server.port)
        await peer.expect("NOOP", "200 result=0")
        await until(lambda: server.connections == 0)


async def test_a_peer_that_says_nothing_is_dismissed():
    async def work(_: AgiSession) -> None:
        raise AssertionError

    async with serving(work, limits=AgiLimits(header_timeout_s=0.05)) as server:
        peer = await AgiPeer.call(server.port, b"agi_request: x\n")
        assert await peer.closed()
        await until(lambda: server.connections == 0)


async def test_only_allowed_addresses_are_listened_to():
    async def work(_: AgiSession) -> None:
        raise AssertionError

    async with serving(work, allowed="192.0.2.0/24") as server:
        peer = await AgiPeer.call(server.port)
        assert await peer.closed()


async def test_there_are_never_more_connections_than_the_limit():
    async def work(session: AgiSession) -> None:
        await session.noop()

    async with serving(work, limits=AgiLimits(connections=1)) as server:
        first = await AgiPeer.call(server.port)
        await until(lambda: server.connections == 1)
        second = await AgiPeer.call(server.port)
        assert await second.closed()
        await first.expect("NOOP", "200 result=0")
        await until(lambda: server.connections == 0)
        third = await AgiPeer.call(server.port)
        await third.expect("NOOP", "200 result=0")


async def test_fault_9_a_usage_text_of_several_lines_keeps_replies_in_step():
    async def work(session: AgiSession) -> object:
        with pytest.raises(AgiRefused):
            await session.noop()
        return await session.get_variable("X")

    async with one_call(work) as (peer, outcome):
        await peer.expect("NOOP", "520-Invalid command syntax.\n200 result=5\n520 End of usage.")
        await peer.expect('GET VARIABLE "X"', "200 result=1 (right)")
        assert await outcome == "right"


@pytest.mark.parametrize("how", ["HANGUP", "closed"])
async def test_fault_9_hang_up_is_cancellation_and_commands_after_it_are_refused(how: str):
    after: list[object] = []

    async def work(session: AgiSession) -> object:
        try:
            return await session.exec("Dial", "PJSIP/8001")
        finally:
            after.append(session.hung_up)
            with pytest.raises(CallerHungUp):
                await session.answer()

    async with one_call(work) as (peer, outcome):
        assert await peer.command() == 'EXEC "Dial" "PJSIP/8001"'
        if how == "HANGUP":
            peer.say(b"HANGUP\n")
        else:
            peer.leave()
        assert isinstance(await outcome, asyncio.CancelledError)
        assert after == [True]


async def test_hang_up_cancels_a_handler_that_waits_for_something_else():
    async def work(_: AgiSession) -> object:
        return await asyncio.Event().wait()

    async with one_call(work) as (peer, outcome):
        peer.say(b"HANGUP\n")
        assert isinstance(await outcome, asyncio.CancelledError)


async def test_what_a_handler_does_after_the_hang_up_is_not_cut_short():
    done: list[str] = []

    async def work(session: AgiSession) -> object:
        try:
            return await session.noop()
        finally:
            await asyncio.sleep(0.05)
            done.append("written")

    async with one_call(work) as (peer, _):
        await peer.command()
        peer.say(b"HANGUP\n")
        peer.leave()
        await until(lambda: done)


async def test_the_end_of_a_dial_is_no_hang_up_while_the_channel_lives():
    async def work(session: AgiSession) -> object:
        return await session.exec("Dial", "PJSIP/8001")

    async with one_call(work) as (peer, outcome):
        await peer.expect('EXEC "Dial" "PJSIP/8001"', "200 result=-1")
        await peer.expect("CHANNEL STATUS", "200 result=6")
        assert await outcome == -1


async def test_the_end_of_a_dial_by_the_callers_hang_up_is_cancellation():
    async def work(session: AgiSession) -> object:
        return await session.exec("Dial", "PJSIP/8001")

    async with one_call(work) as (peer, outcome):
        await peer.expect('EXEC "Dial" "PJSIP/8001"', "200 result=-1")
        await peer.expect("CHANNEL STATUS", "HANGUP")
        assert isinstance(await outcome, asyncio.CancelledError)


@pytest.mark.parametrize("reply", ["511 result=-1 Command Not Permitted on a dead channel"])
async def test_a_dead_channel_is_a_hang_up(reply: str):
    async with one_call(lambda session: session.noop()) as (peer, outcome):
        await peer.expect("NOOP", reply)
        assert isinstance(await outcome, CallerHungUp)


async def test_a_prompt_that_is_missing_is_silence():
    async with one_call(lambda session: session.play(["a", "b"])) as (peer, outcome):
        await peer.expect('STREAM FILE "a" ""', "200 result=-1 endpos=0")
        await peer.expect("CHANNEL STATUS", "200 result=6")
        await peer.expect('STREAM FILE "b" ""', "200 result=0 endpos=1")
        assert await outcome is None


async def test_an_unknown_application_is_refused():
    async with one_call(lambda session: session.exec("Nope")) as (peer, outcome):
        await peer.expect('EXEC "Nope" ""', "200 result=-2")
        assert isinstance(await outcome, AgiRefused)


@pytest.mark.parametrize("value", ["a\nHANGUP", "a\r", "a\0"])
async def test_a_value_with_a_line_break_sends_nothing(value: str):
    async def work(session: AgiSession) -> object:
        with pytest.raises(UnsafeValue):
            await session.set_variable("X", value)
        return await session.noop()

    async with one_call(work) as (peer, outcome):
        await peer.expect("NOOP", "200 result=0")
        await outcome


async def test_an_argument_cannot_become_two():
    async with one_call(lambda session: session.exec("Dial", "PJSIP/1,20,b(x)")) as (_, outcome):
        assert isinstance(await outcome, UnsafeValue)


async def test_a_command_given_up_still_takes_its_reply():
    async def work(session: AgiSession) -> object:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await session.noop()
        return await session.get_variable("X")

    async with one_call(work) as (peer, outcome):
        assert await peer.command() == "NOOP"
        assert await peer.command() == 'GET VARIABLE "X"'
        peer.say(b"200 result=0\n200 result=1 (right)\n")
        assert await outcome == "right"


async def test_a_failing_handler_closes_its_own_call_only():
    async def work(session: AgiSession) -> None:
        if await session.get_variable("BAD"):
            raise ZeroDivisionError

    async with serving(work) as server:
        bad, good = await AgiPeer.call(server.port), await AgiPeer.call(server.port)
        await bad.expect('GET VARIABLE "BAD"', "200 result=1 (1)")
        assert await bad.closed()
        await good.expect('GET VARIABLE "BAD"', "200 result=0")
        assert await good.closed()


async def test_closing_the_server_ends_handlers_and_lets_callers_go_on():
    async def work(session: AgiSession) -> None:
        await session.noop()

    async with serving(work) as server:
        peer = await AgiPeer.call(server.port)
        assert await peer.command() == "NOOP"
    assert await peer.closed()


class Busy:
    """A handler that keeps keys and is busy with something else until `done` is set."""

    def __init__(self, ask: Work) -> None:
        self.done = asyncio.Event()
        self._ask = ask

    async def __call__(self, session: AgiSession) -> object:
        session.keep_keys(on=True)
        await self.done.wait()
        return [await self._ask(session), await self._ask(session)]


@pytest.mark.parametrize(
    "ask", [lambda s: s.play(["x"], escape_digits="57"), lambda s: s.wait_for_digit(9)]
)
async def test_keys_pressed_while_the_program_is_busy_answer_its_next_questions(ask: Work):
    busy = Busy(ask)
    async with one_call(busy) as (peer, outcome):
        await peer.expect(LISTENING, "200 result=53")
        await peer.expect(LISTENING, "200 result=55")
        assert await peer.command() == LISTENING
        busy.done.set()
        await peer.expect("NOOP", "200 result=1\n200 result=0")
        assert await outcome == ["5", "7"]


async def test_a_key_pressed_just_when_the_program_goes_on_comes_before_later_ones():
    busy = Busy(lambda s: s.play(["x"], escape_digits="57"))
    async with one_call(busy) as (peer, outcome):
        assert await peer.command() == LISTENING
        busy.done.set()
        await peer.expect("NOOP", "200 result=53\n200 result=0")
        await peer.expect('STREAM FILE "x" "57"', "200 result=55 endpos=1")
        assert await outcome == ["5", "7"]


async def test_keys_pressed_ahead_do_not_end_a_prompt_that_no_key_ends():
    busy = Busy(lambda s: s.play(["x"]))
    async with one_call(busy) as (peer, outcome):
        await peer.expect(LISTENING, "200 result=53")
        await peer.command()
        busy.done.set()
        await peer.expect('STREAM FILE "x" ""', "200 result=1\n200 result=0 endpos=1")
        await peer.expect('STREAM FILE "x" ""', "200 result=0 endpos=1")
        assert await outcome == [None, None]


async def test_keys_that_are_forgotten_or_belong_to_this_program_answer_nothing():
    async def ask(session: AgiSession) -> object:
        session.forget_keys()
        return await session.play(["x"], escape_digits="12")

    busy = Busy(ask)
    async with one_call(busy) as (peer, outcome):
        await peer.expect(LISTENING, "200 result=53")
        await peer.expect(LISTENING, f"200 result={ord('D')}")
        await peer.command()
        busy.done.set()
        await peer.expect("NOOP", "200 result=1\n200 result=0")
        await peer.expect('STREAM FILE "x" "12"', "200 result=49 endpos=1")
        await peer.expect('STREAM FILE "x" "12"', "200 result=50 endpos=1")
        assert await outcome == ["1", "2"]


async def test_a_hang_up_while_the_program_is_busy_ends_it():
    busy = Busy(lambda s: s.noop())
    async with one_call(busy) as (peer, outcome):
        await peer.expect(LISTENING, "HANGUP\n200 result=-1")
        assert isinstance(await outcome, asyncio.CancelledError)


async def test_a_session_that_does_not_keep_keys_says_nothing_by_itself():
    done = asyncio.Event()

    async def work(session: AgiSession) -> object:
        session.keep_keys(on=True)
        session.keep_keys(on=False)
        await asyncio.sleep(0.05)
        done.set()
        return await session.noop()

    async with one_call(work) as (peer, _):
        await done.wait()
        await peer.expect("NOOP", "200 result=0")


class Waking:
    """A session that waits, a wake, and an interrupt that presses D when AMI is there."""

    def __init__(self, *, link: bool) -> None:
        self.wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.link = link
        self.struck: list[str] = []

    async def interrupt(self, env: AgiEnvironment) -> None:
        self.struck.append(env.channel)
        if not self.link:
            raise LinkDown("no link", sent=False)

    def hold(self, timeout_s: float | None) -> Work:
        return lambda session: session.hold_until(self.wake, timeout_s=timeout_s)

    def play(self, paths: list[str], keys: str) -> Work:
        return lambda session: session.play(paths, escape_digits=keys, wake=self.wake)


async def test_whoever_came_in_when_the_server_closes_is_let_go():
    async with serving(hang_on) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as peer:
            peer.setblocking(False)
            while not server.connections:
                await asyncio.sleep(0)
            await server.close()
            async with asyncio.timeout(10):
                assert await asyncio.get_running_loop().sock_recv(peer, 100) == b""


async def hang_on(_: AgiSession) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("link", [True, False])
async def test_a_waking_ends_the_wait_by_the_next_command(link: bool):
    waking = Waking(link=link)
    async with one_call(waking.hold(None), waking.interrupt) as (peer, outcome):
        assert (await peer.command()).startswith("WAIT FOR DIGIT")
        waking.wake.set_result(None)
        await peer.expect("NOOP", "200 result=1\n200 result=0")
        assert await outcome is None
        assert waking.struck == []


async def test_a_key_pressed_just_at_the_waking_is_not_lost():
    waking = Waking(link=True)
    async with one_call(waking.hold(None), waking.interrupt) as (peer, outcome):
        assert (await peer.command()).startswith("WAIT FOR DIGIT")
        waking.wake.set_result(None)
        await peer.expect("NOOP", "200 result=50\n200 result=0")
        assert await outcome == "2"


async def test_keys_are_heard_while_waiting_and_d_is_none():
    waking = Waking(link=True)
    async with one_call(waking.hold(None), waking.interrupt) as (peer, outcome):
        for reply in ("200 result=0", "200 result=68", "200 result=1", "200 result=35"):
            assert (await peer.command()).startswith("WAIT FOR DIGIT")
            peer.say(f"{reply}\n".encode())
        assert await outcome == "#"


async def test_a_wait_ends_when_its_time_is_over():
    waking = Waking(link=True)
    async with one_call(waking.hold(0.01)) as (peer, outcome):
        command = await peer.command()
        assert int(command.split('"')[1]) <= 10
        await asyncio.sleep(0.02)
        peer.say(b"200 result=0\n")
        assert await outcome is None


async def test_a_waking_that_came_before_needs_no_command():
    waking = Waking(link=True)
    waking.wake.set_result(None)

    async def work(session: AgiSession) -> object:
        held = await session.hold_until(waking.wake, timeout_s=None)
        return held, await session.play(["a"], escape_digits="", wake=waking.wake)

    async with one_call(work) as (peer, outcome):
        assert await outcome == (None, None)
        assert await peer.closed()


async def test_a_waking_ends_a_prompt_and_those_after_it():
    waking = Waking(link=True)
    async with one_call(waking.play(["a", "b", "c"], "1"), waking.interrupt) as (peer, outcome):
        await peer.expect('STREAM FILE "a" "1D"', "200 result=0 endpos=1")
        assert await peer.command() == 'STREAM FILE "b" "1D"'
        waking.wake.set_result(None)
        await until(lambda: waking.struck)
        peer.say(b"200 result=68 endpos=1\n")
        assert await outcome is None
        assert await peer.closed()


async def test_a_late_d_does_not_cut_the_next_prompt():
    waking = Waking(link=True)
    async with one_call(waking.play(["a"], ""), waking.interrupt) as (peer, outcome):
        await peer.expect('STREAM FILE "a" "D"', "200 result=68 endpos=1")
        await peer.expect('STREAM FILE "a" "D"', "200 result=0 endpos=1")
        assert await outcome is None


async def test_a_key_ends_the_prompts_and_is_returned():
    async with one_call(lambda s: s.play(["a", "b"], escape_digits="12")) as (peer, outcome):
        await peer.expect('STREAM FILE "a" "12"', "200 result=50 endpos=1")
        assert await outcome == "2"


async def test_a_hang_up_while_waiting_is_cancellation():
    waking = Waking(link=True)
    async with one_call(waking.hold(None), waking.interrupt) as (peer, outcome):
        await peer.command()
        peer.say(b"HANGUP\n")
        assert isinstance(await outcome, asyncio.CancelledError)


async def test_commands_may_come_before_the_handler_has_begun():
    async with serving(lambda session: session.noop()) as server:
        peer = await AgiPeer.call(server.port, ENVIRONMENT + b"HANGUP\n")
        assert await peer.command() in {"", "NOOP"}
        await until(lambda: server.connections == 0)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.agi_framing import (
    AgiEnvironment,
    AgiFramer,
    AgiLimits,
    AgiMessage,
    AgiReply,
    HungUp,
    command,
    quote,
)
from ami_bridge.errors import PeerError, UnsafeValue
from tests.ami_bridge.agi_peer import ENVIRONMENT, asterisk_words
from tests.ami_bridge.fake_asterisk import cuts

CONVERSATION = (
    ENVIRONMENT
    + (
        "100 Trying...\n"
        "200 result=0\n"
        "520-Invalid command syntax.  Proper usage follows:\nwaits 200 result=9\n520 End of usage.\n"
        "200 result=1 (王小明)\n"
        "200 result=1 (two\nlines)\n"
        "520 Invalid command syntax.  Proper usage not available.\n"
        "510 Invalid or unknown command\n"
        "200 result=49 endpos=8000\n"
        "HANGUP\n"
    ).encode()
)

values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"))


def framed(*pieces: bytes, limits: AgiLimits | None = None) -> list[AgiMessage]:
    framer = AgiFramer(limits or AgiLimits())
    return [message for piece in pieces for message in framer.feed(piece)]


def test_replies_stay_in_step_whatever_asterisk_says():
    environment, *replies, end = framed(CONVERSATION)
    assert isinstance(environment, AgiEnvironment)
    assert end == HungUp()
    assert [(r.code, r.result, r.data) for r in replies if isinstance(r, AgiReply)] == [
        (200, "0", None),
        (520, "", None),
        (200, "1", "王小明"),
        (200, "1", "two\nlines"),
        (520, "", None),
        (510, "", None),
        (200, "49", None),
    ]


def test_it_does_not_matter_where_the_conversation_is_cut():
    whole = framed(CONVERSATION)
    for first, second in cuts(CONVERSATION):
        assert framed(first, second) == whole
    assert framed(*(CONVERSATION[at : at + 1] for at in range(len(CONVERSATION)))) == whole


def test_the_environment_is_read():
    (environment,) = framed(ENVIRONMENT)
    assert environment == AgiEnvironment(
        request="agi://127.0.0.1:4573/inbound?did=02223456789&x=a%26b",
        script="inbound",
        query={"did": "02223456789", "x": "a&b"},
        channel="PJSIP/trunk-00000001",
        uniqueid="1795414846.7",
        caller="13800138000",
        caller_name=None,
        did="02223456789",
        extension="s",
        context="zongji-call",
        language="zh",
        args=("王",),
    )


@given(st.lists(values, max_size=5))
def test_a_quoted_value_is_one_word_whatever_is_in_it(given_values: list[str]):
    line = command("SET VARIABLE", *given_values).decode()
    assert line.count("\n") == 1
    assert asterisk_words(line[:-1]) == ["SET", "VARIABLE", *given_values]


@given(st.text(), st.sampled_from("\r\n\0"), st.text())
def test_a_value_with_a_line_break_is_refused(before: str, sign: str, after: str):
    with pytest.raises(UnsafeValue):
        quote(before + sign + after)


def test_a_command_longer_than_asterisk_reads_is_refused():
    with pytest.raises(UnsafeValue):
        command("NOOP", "x" * 8_000)


@pytest.mark.parametrize(
    "hostile",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\n",
        b"agi_channel: no request\n\n",
        b"x" * 9_000,
        b"agi_x: y\n" * 300,
        (b"agi_x: " + b"y" * 8_000 + b"\n") * 5,
        ENVIRONMENT + b"neither code nor hang-up\n",
        ENVIRONMENT + b"520-usage\n" + b"more\n" * 300,
        ENVIRONMENT + b"200 result=1 (" + b"more\n" * 300,
    ],
)
def test_a_peer_that_is_no_asterisk_or_says_too_much_is_told_apart(hostile: bytes):
    with pytest.raises(PeerError):
        framed(hostile)


@given(st.binary())
def test_no_bytes_do_anything_but_read_or_be_refused(data: bytes):
    for start in (b"", ENVIRONMENT):
        try:
            framed(start + data)
        except PeerError:
            continue

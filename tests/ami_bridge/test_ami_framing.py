import gzip
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.errors import PeerError, UnsafeValue
from ami_bridge.framing import AmiFramer, AmiMessage, encode
from tests.ami_bridge.fake_asterisk import BANNER, block, cuts, event

SAMPLE = (
    BANNER
    + block(("Response", "Success"), ("ActionID", "1"), ("Message", "Authentication accepted"))
    + event("Newchannel", CallerIDName="王小明 😀", Exten="", AppData="a: b: c")
    + event("Hangup", Cause="16")
)
RECORDED = Path(__file__).parents[2] / "bench" / "data" / "ami_stream.bin.gz"


def framed(*pieces: bytes) -> list[dict[str, str]]:
    framer = AmiFramer()
    return [dict(message.items()) for piece in pieces for message in framer.feed(piece)]


def test_it_does_not_matter_where_the_stream_is_cut_in_two():
    whole = framed(SAMPLE)
    assert [message.get("Event") for message in whole] == [None, "Newchannel", "Hangup"]
    for first, second in cuts(SAMPLE):
        assert framed(first, second) == whole


def test_it_does_not_matter_when_every_byte_comes_alone():
    assert framed(*(SAMPLE[at : at + 1] for at in range(len(SAMPLE)))) == framed(SAMPLE)


@given(st.lists(st.integers(0, len(SAMPLE)), max_size=8))
def test_it_does_not_matter_where_the_stream_is_cut(places: list[int]):
    edges = [0, *sorted(places), len(SAMPLE)]
    pieces = [SAMPLE[a:b] for a, b in itertools.pairwise(edges)]
    assert framed(*pieces) == framed(SAMPLE)


def test_a_split_utf8_character_survives():
    head, tail = SAMPLE.split("小".encode())
    broken = "小".encode()
    assert framed(head + broken[:1], broken[1:] + tail)[1]["CallerIDName"] == "王小明 😀"


def test_broken_utf8_is_shown_as_such_and_breaks_nothing_else():
    message = framed(BANNER + b"Event: X\r\nName: \xe7\x8e\r\nNext: ok\r\n\r\n")[0]
    assert message == {"Event": "X", "Name": "�", "Next": "ok"}


def test_a_value_may_hold_the_separator_and_be_empty():
    message = framed(SAMPLE)[1]
    assert message["AppData"] == "a: b: c"
    assert message["Exten"] == ""


def test_the_events_name_is_read_without_parsing_the_headers():
    message = AmiMessage(b"Event: Hangup\r\nCause: 16")
    assert message.event == b"Hangup"
    assert message._headers is None


def test_every_value_of_a_repeated_header_is_found():
    message = AmiMessage(b"Event: X\r\nChanVariable: A=1\r\nChanVariable: B=2")
    assert message.all("ChanVariable") == ["A=1", "B=2"]
    assert message.all("Nothing") == []


def test_a_peer_that_is_no_asterisk_is_told_apart():
    with pytest.raises(PeerError):
        AmiFramer().feed(b"SSH-2.0-OpenSSH_9.2\r\n")


def test_a_message_without_end_is_cut_off_in_time():
    framer = AmiFramer(limit=1000)
    framer.feed(BANNER + b"Event: endless\r\n" * 60)
    with pytest.raises(PeerError):
        framer.feed(b"Event: endless\r\n" * 10)


def test_a_banner_without_end_is_cut_off_in_time():
    with pytest.raises(PeerError):
        AmiFramer(limit=1000).feed(b"A" * 1001)


def test_recorded_traffic_of_a_real_asterisk_is_framed_whole():
    stream = gzip.decompress(RECORDED.read_bytes())
    messages = AmiFramer().feed(stream)
    assert len(messages) == stream.count(b"\r\n\r\n")
    assert all(message.event or message.is_response for message in messages)
    assert all(message.get("Linkedid") for message in messages if message.event == b"Hangup")


@given(
    st.lists(
        st.tuples(
            st.text(alphabet="ABCdef-", min_size=1, max_size=12),
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0")),
        ),
        min_size=1,
        unique_by=lambda header: header[0],
    )
)
def test_an_encoded_action_reads_back_as_it_was(headers: list[tuple[str, str]]):
    assert framed(BANNER + encode(headers)) == [dict(headers)]


@given(st.text(), st.sampled_from("\r\n\0"), st.text())
def test_a_value_that_would_start_another_header_is_refused(before: str, sign: str, after: str):
    with pytest.raises(UnsafeValue):
        encode([("Channel", before + sign + after)])


def test_a_name_that_would_start_another_header_is_refused():
    with pytest.raises(UnsafeValue):
        encode([("Channel: x\r\nAction", "Command")])

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.commands import (
    Hangup,
    MuteRecording,
    Originate,
    PlayDtmf,
    QueueAdd,
    QueuePause,
    QueueRemove,
    Status,
    variable_headers,
)
from ami_bridge.errors import UnsafeValue


def asterisk_separates(value: str) -> list[str]:
    """How Asterisk takes the value of a Variable header apart (__ast_app_separate_args)."""
    parts, part, quoted, depth, signs = [], "", False, 0, iter(value)
    for sign in signs:
        if sign == "\\":
            part += next(signs, "")
        elif sign == '"':
            quoted = not quoted
        elif sign == "," and not quoted and depth == 0:
            parts.append(part)
            part = ""
        else:
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(sign, 0)
            part += sign
    return [*parts, part]


@given(st.text(alphabet=st.sampled_from('ab,\\"()[] =王')))
def test_a_variables_value_cannot_become_a_second_variable(value: str):
    ((name, header),) = variable_headers({"ZJ_NAME": value})
    assert name == "Variable"
    assert asterisk_separates(header) == [f"ZJ_NAME={value}"]


@pytest.mark.parametrize(
    "name", ["", "SHELL(reboot)", "A=B", "A,B", "a b", "___X", "CHANNEL(language)"]
)
def test_only_a_plain_variable_can_be_named(name: str):
    with pytest.raises(UnsafeValue):
        variable_headers({name: "1"})
    with pytest.raises(UnsafeValue):
        Status(variables=(name,)).headers()


def test_originate_is_asynchronous_and_leads_into_the_dialplan():
    headers = Originate(
        channel="PJSIP/13800138000@trunk",
        channel_id="call-1",
        context="zongji-outbound",
        timeout_s=30,
        caller_id="4006001001",
        variables={"__ZJ_CALL": "1", "ZJ_X": "2"},
    ).headers()
    assert (
        dict(headers).items()
        >= {"Async": "true", "ChannelId": "call-1", "Timeout": "30000"}.items()
    )
    assert [value for name, value in headers if name == "Variable"] == ["__ZJ_CALL=1", "ZJ_X=2"]
    assert not {"Application", "Data"} & {name for name, _ in headers}


def test_hangup_takes_no_pattern_that_would_end_other_calls():
    with pytest.raises(UnsafeValue):
        Hangup(channel="/.*/").headers()


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (PlayDtmf(channel="c", digit="D", receive=True), {"Digit": "D", "Receive": "true"}),
        (MuteRecording(channel="1.1", muted=True), {"Direction": "both", "State": "1"}),
        (MuteRecording(channel="1.1", muted=False), {"Channel": "1.1", "State": "0"}),
        (QueueAdd(queue="q", interface="PJSIP/8001"), {"Queue": "q", "Paused": "false"}),
        (QueuePause(queue="q", interface="i", paused=True), {"Paused": "true"}),
        (QueueRemove(queue="q", interface="i"), {"Interface": "i"}),
    ],
)
def test_each_action_says_what_asterisk_reads(action, expected: dict[str, str]):
    assert dict(action.headers()).items() >= expected.items()

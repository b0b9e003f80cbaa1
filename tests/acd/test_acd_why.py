"""An explanation out of the record's steps, in words of both languages."""

import re
from datetime import UTC, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acd.core_types import LineState, Passed, PreferredAs
from acd.events import StepKind
from acd.rows import CallRow, StepRow
from acd.why import explain, mentioned
from zongji.cli.why_words import _CODES, _REASONS, lines
from zongji.settings import ROOT

KEYPAD = {"key", "no_key", "wrong_key", "digits", "menu_answered", "service", "service_done"}
"""Told by the keypad log."""

AT = datetime(2026, 3, 2, 4, tzinfo=UTC)
ROW = CallRow(
    id="c", node="pbx1", linkedid="1.1", direction="inbound", caller="13800138000", did="4006001001",
    started_at=AT, queued_at=AT, answered_at=AT + timedelta(seconds=31), line_version=4,
)  # fmt: skip
UNMET = {"code": "unmet", "params": {"condition": "vip", "wanted": "yes", "found": "no"}}
STEPS = (
    ("started", {}),
    ("identified", {"customer_id": 7, "customer_name": "海河酒行", "level": "city", "province": "天津",
                    "city": "天津", "area_code": "022", "place_by": "imported", "remembered": True}),
    ("key", {"menu": "main", "key": "1"}),
    ("routed", {"queue": "north", "priority": 20, "medium": "电视广告", "menu_path": ["1", "2"],
                "decided_by": "area_north", "skills": "wine 2", "why": [
                    {"code": "own_salesperson", "params": {"agent_id": "3"}}],
                "preferred": [{"role": "salesperson", "agents": [3]}, {"role": "deputy", "agents": [8, 9]}],
                "rules": [{"rule": "vip_first", "outcome": "unmet", "why": [UNMET]},
                          {"rule": "area_north", "outcome": "decided", "why": []}]}),
    ("queued", {"queue": "north", "priority": 20}),
    ("resumed", {"node": "pbx1", "line_version": 5}),
    ("offered", {"agent_id": 8, "why": [{"code": "deputy", "params": {"agent": "乙"}}],
                 "others": [{"agent_id": 3, "why": "away"}, {"agent_id": 9, "why": "busy"}]}),
    ("offer_failed", {"agent_id": 8, "dial_status": "NOANSWER"}),
    ("overflowed", {"to": "east"}),
    ("skills_relaxed", {"skills": ""}),
    ("diverted", {"way": "announce", "to": "shop", "why": [
        {"code": "nobody_ready", "params": {"from": "north"}}]}),
    ("announced", {"announcement": "shop"}),
    ("announced", {"position": 2, "estimate_s": None, "told": None}),
    ("diverted", {"way": "voicemail", "to": "north", "why": [
        {"code": "nobody_there", "params": {"from": "north"}}]}),
    ("voicemail_left", {"seconds": 8}),
    ("answered", {"agent_id": 9}),
    ("ended", {"outcome": "answered"}),
)  # fmt: skip


def steps(*kinds: tuple[str, dict]) -> list[StepRow]:
    return [StepRow("c", n, AT + timedelta(seconds=n), *each) for n, each in enumerate(kinds)]


NAMES = {3: "甲", 8: "乙", 9: "丙"}


def test_everything_is_told_in_order_and_in_chinese():
    told = explain(ROW, steps(*STEPS), NAMES)
    assert mentioned(steps(*STEPS)) == {3, 8, 9}
    assert [line.split("  ", 1)[1] for line in lines(told, "zh", ZoneInfo("Asia/Shanghai"))] == [
        "来自 13800138000 的呼叫，拨打 4006001001",
        "线路版本 4",
        "识别为客户 海河酒行（7）",
        "渠道等级 city",
        "数据库不可用，按此前所知识别",
        "归属地 天津 022（导入的号段表）",
        "按键 1-2",
        "规则 vip_first：不成立 — vip 需为 yes，实为 no",
        "规则 area_north：成立，决定队列",
        "先找业务员 甲",
        "其次找代理人 乙、丙",
        "需要技能 wine 2",
        "进入队列 north，优先级 20，由 area_north 决定 — 客户的业务员 甲",
        "开始排队 north，优先级 20",
        "系统恢复后继续（线路版本 5）",
        "分配给 乙 — 业务员的代理人",
        "未分配给 甲：不在岗",
        "未分配给 丙：忙",
        "乙 未接听（NOANSWER）",
        "也转向队列 east",
        "只要求技能 无",
        "播放公告 shop，继续排队 — north 没有空闲坐席",
        "听到公告 shop",
        "告知排在第 2 位，预计等待 无",
        "转出队列：voicemail north — north 无人在岗",
        "voicemail_left",
        "丙 接听，等待 31 秒",
        "结束（answered）",
    ]


def test_the_same_in_english_with_times_of_the_company():
    said = list(lines(explain(ROW, steps(*STEPS), NAMES), "en", ZoneInfo("Asia/Shanghai")))
    assert said[0] == "12:00:00  call from 13800138000 to 4006001001"
    assert "12:00:03  rule vip_first did not hold — vip is no, wanted yes" in said
    assert "12:00:06  not to 甲: not at work" in said
    assert all(ord(each) < 0x3000 or "天津" in line or "海河" in line or set(line) & set("甲乙丙、")
               for line in said for each in line)  # fmt: skip


def test_a_stranger_with_a_hidden_number_and_a_record_of_an_older_daemon():
    row = CallRow(
        id="c", node="p", linkedid="1", direction="inbound", caller=None, did="1", started_at=AT
    )
    old = steps(
        ("started", {}),
        ("identified", {"customer_id": None, "province": None}),
        ("routed", {"queue": "retail", "priority": 0, "menu_path": [], "why": [{"code": "default_route", "params": {}}]}),
        ("offered", {"agent_id": 5}),
    )  # fmt: skip
    said = list(lines(explain(row, old, {}), "en", UTC))
    assert [line[10:] for line in said] == [
        "call from a hidden number to 1",
        "the number is hidden",
        "home unknown",
        "to queue retail, priority 0, decided by nothing — default route",
        "offered to #5",
    ]


@pytest.mark.parametrize("table", [_CODES, _REASONS])
def test_every_code_has_words_in_both_languages(table):
    assert all(set(words) == {"zh", "en"} for words in table.values())


@pytest.mark.parametrize("kind", get_args(StepKind))
def test_every_kind_of_step_is_told_in_words_or_by_another_one(kind):
    details = ({}, {"extension": "1001"}, {"position": 1}, {"way": "announce"})
    told = [each.code for detail in details for each in explain(ROW, steps((kind, detail)), {})]
    assert "step" not in told
    assert set(told) <= set(_CODES)
    assert told or kind in KEYPAD or kind == "ringing"


def test_every_reason_that_the_line_gives_has_words():
    given_there = {
        code
        for package in ("acd", "ivr")
        for source in (ROOT / package).rglob("*.py")
        for code in re.findall(r'Reason\(\s*"(\w+)"', source.read_text())
    }
    assert given_there | {*get_args(PreferredAs), *get_args(LineState)} <= set(_REASONS)
    assert {f"prefers_{role}" for role in get_args(PreferredAs)} <= set(_CODES)
    assert {f"passed_{why}" for why in get_args(Passed)} <= set(_CODES)


@example([("overflowed", {"to": "\n"})])
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*(kind for kind, _ in STEPS), "x"]),
            st.dictionaries(
                st.sampled_from(["agent_id", "to", "queue"]), st.integers() | st.text()
            ),
        )
    )
)
def test_no_record_is_too_strange_to_be_told(kinds):
    told = explain(ROW, steps(*kinds), {})
    for language in ("zh", "en"):
        said = list(lines(told, language, UTC))
        assert len(said) == len(told)
        assert not any("\n" in line or "\x1b" in line for line in said)

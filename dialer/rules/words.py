"""Verdicts in words for people."""

from collections.abc import Mapping

from dialer.rules.verdict import Reason

ZH: Mapping[Reason, str] = {
    "allowed": "可以拨打",
    "do_not_call": "号码在禁呼名单中",
    "campaign_do_not_call": "客户拒绝本外呼活动",
    "imported_do_not_call": "号码在导入的禁呼名单中",
    "no_consent": "没有客户有效的来电同意",
    "opted_out": "客户已拒收此类来电",
    "area_unknown": "不知道号码所在地的时间",
    "outside_hours": "不在号码或地址所在地的可呼时段",
    "holiday": "当地是法定节假日",
    "weekend": "当地是周末",
    "attempts_used_up": "已达到该号码的拨打次数上限",
    "abandoned_lately": "近期有未接入座席的呼叫，须预留座席才能再拨",
}
EN: Mapping[Reason, str] = {
    "allowed": "it may be dialled",
    "do_not_call": "the number is on the do-not-call list",
    "campaign_do_not_call": "the callee refuses this campaign",
    "imported_do_not_call": "the number is on an imported do-not-call list",
    "no_consent": "there is no consent to be called that holds",
    "opted_out": "the customer wants no such calls",
    "area_unknown": "nobody knows what time it is where the number is",
    "outside_hours": "outside the calling hours of where the number or the address is",
    "holiday": "it is a public holiday there",
    "weekend": "it is a weekend there",
    "attempts_used_up": "the number was dialled as often as it may be",
    "abandoned_lately": "a call was abandoned lately: an agent must be reserved for the next",
}

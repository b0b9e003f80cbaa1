"""Why it dials as it does, in whole sentences: what is expected, what the budget has room for, what was decided.

Rule: pure; every mode, cap and outcome of a decision has its own sentence in each language.
"""

from typing import Literal

from dialer.pacing.reported import Cap, Decision, Mode, Why

Language = Literal["zh", "en"]
Outcome = Literal["dial", "cancel", "wait"]

_ESTIMATES = {
    "zh": "预计接通率 {answer_rate}，振铃约 {answer_s} 秒后接听；通话约 {talk_s} 秒，话后处理约 {wrap_up_s} 秒。现有空闲座席 {idle} 名，"
    "其中已有安排 {spoken_for} 名；{ahead_s} 秒内预计再有 {free_soon} 名空出，正在呼叫的 {ringing} 通中预计 {answers_soon} 通接听。",
    "en": "{answer_rate} of calls are expected to be answered, after about {answer_s} s; talks take about {talk_s} s, wrap-up {wrap_up_s} s. "
    "{idle} agents are idle, {spoken_for} are spoken for; within {ahead_s} s {free_soon} more should come free, and {answers_soon} of "
    "{ringing} ringing calls should be answered.",
}
_BUDGET = {
    "zh": "今日呼损率 {share}，上限 {limit}；还可容许 {room} 通无座席接听。",
    "en": "Today {share} of those who answered were abandoned, the limit is {limit}; there is room for {room} more.",
}
_MODES: dict[Mode, dict[Language, str]] = {
    "nobody_there": {
        "zh": "没有可以接听的座席，不外呼。",
        "en": "No agent can take a call, so nobody is dialled.",
    },
    "limit_is_zero": {
        "zh": "不允许呼损：每名空闲座席只呼一通。",
        "en": "No call may be abandoned: one call for each idle agent.",
    },
    "learning": {
        "zh": "数据尚少，正在学习：每名空闲座席只呼一通。",
        "en": "Too little is known yet: one call for each idle agent.",
    },
    "budget_spent": {
        "zh": "呼损额度已用完：每名空闲座席只呼一通。",
        "en": "The room is used up: one call for each idle agent.",
    },
    "predictive": {
        "zh": "再多一通接听时无座席的可能为 {risk}，可接受 {accepted}。",
        "en": "One more answer would find nobody with a chance of {risk}; {accepted} is accepted.",
    },
}
_OUTCOMES: dict[Outcome, dict[Language, str]] = {
    "dial": {"zh": "现在呼叫 {n_dial} 通。", "en": "Calls begun now: {n_dial}."},
    "cancel": {
        "zh": "放弃 {n_cancel} 通久未接听的呼叫，以免接听时无座席。",
        "en": "Long-ringing calls given up, lest they find nobody: {n_cancel}.",
    },
    "wait": {"zh": "现在不呼叫。", "en": "No call is begun now."},
}
_CAPS: dict[Cap, dict[Language, str]] = {
    "carrier": {
        "zh": "运营商拒接呼叫，暂缓外呼，间隔试呼。",
        "en": "The carrier refuses calls; one is tried now and then.",
    },
    "lines": {"zh": "受线路数限制。", "en": "The lines are full."},
    "starts": {"zh": "受每秒起呼数限制。", "en": "No more calls may begin in this second."},
    "list": {"zh": "名单已呼完。", "en": "The list has no more numbers."},
}


def words(decision: Decision, language: Language) -> tuple[str, ...]:
    """Estimates, budget, decision."""
    why = decision.why
    said = [_ESTIMATES[language], _BUDGET[language], _MODES[why.mode][language]]
    said.append(_OUTCOMES[_outcome(decision)][language])
    if why.capped_by:
        said.append(_CAPS[why.capped_by][language])
    figures = _figures(decision, why)
    return tuple(each.format_map(figures) for each in said)


def _outcome(decision: Decision) -> Outcome:
    if decision.n_dial:
        return "dial"
    return "cancel" if decision.cancel else "wait"


def _figures(decision: Decision, why: Why) -> dict[str, str]:
    return {
        "n_dial": str(decision.n_dial),
        "n_cancel": str(len(decision.cancel)),
        "idle": str(why.idle),
        "ringing": str(why.ringing),
        "spoken_for": str(why.spoken_for),
        "answer_rate": f"{why.answer_rate:.0%}",
        "answer_s": f"{why.answer_s:.0f}",
        "talk_s": f"{why.talk_s:.0f}",
        "wrap_up_s": f"{why.wrap_up_s:.0f}",
        "ahead_s": f"{why.ahead_s:.0f}",
        "free_soon": f"{why.free_soon:.1f}",
        "answers_soon": f"{why.answers_soon:.1f}",
        "risk": f"{why.risk:.1%}",
        "accepted": f"{why.accepted:.1%}",
        "room": f"{max(0.0, why.room):.1f}",
        "share": f"{why.share:.1%}",
        "limit": f"{why.limit:.1%}",
    }

"""Why a call went where it went, in words. Rule: pure; a code without words is shown as it is, with what it carries."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo

from acd.why import Told
from ivr.menu import Language

Words = Mapping[Language, str]

_CODES: Mapping[str, Words] = {
    "started": {"zh": "来自 {number} 的呼叫，拨打 {did}", "en": "call from {number} to {did}"},
    "line_version": {"zh": "线路版本 {version}", "en": "version {version} of the line"},
    "identified": {"zh": "识别为客户 {customer}（{customer_id}）", "en": "identified as {customer} ({customer_id})"},
    "level": {"zh": "渠道等级 {level}", "en": "level {level}"},
    "from_memory": {
        "zh": "数据库不可用，按此前所知识别",
        "en": "the database was away: as known from before",
    },
    "hidden_number": {"zh": "号码隐藏", "en": "the number is hidden"},
    "unknown_number": {"zh": "{number} 不是已登记的号码", "en": "nobody is known by {number}"},
    "home": {"zh": "归属地 {place}（{by}）", "en": "at home in {place} ({by})"},
    "home_unknown": {"zh": "归属地未知", "en": "home unknown"},
    "menu_choice": {"zh": "按键 {choice}", "en": "pressed {choice}"},
    "rule_decided": {"zh": "规则 {rule}：成立，决定队列", "en": "rule {rule} held and decided the queue"},
    "rule_took_part": {"zh": "规则 {rule}：成立", "en": "rule {rule} held"},
    "rule_unmet": {"zh": "规则 {rule}：不成立", "en": "rule {rule} did not hold"},
    "rule_too_late": {"zh": "规则 {rule}：成立，但队列已定", "en": "rule {rule} held, but came too late"},
    "prefers_dialled": {"zh": "先找专线坐席 {agents}", "en": "asked first, at the extension called: {agents}"},
    "prefers_salesperson": {"zh": "先找业务员 {agents}", "en": "asked first, the salesperson: {agents}"},
    "prefers_deputy": {"zh": "其次找代理人 {agents}", "en": "then the deputies: {agents}"},
    "prefers_passed_on": {"zh": "转接给 {agents}", "en": "passed on to {agents}"},
    "prefers_spoke_last": {"zh": "其次找上次通话的坐席 {agents}", "en": "then who spoke with them last: {agents}"},
    "skills_needed": {"zh": "需要技能 {skills}", "en": "skills needed: {skills}"},
    "routed": {
        "zh": "进入队列 {queue}，优先级 {priority}，由 {by} 决定",
        "en": "to queue {queue}, priority {priority}, decided by {by}",
    },
    "queued": {"zh": "开始排队 {queue}，优先级 {priority}", "en": "waits in {queue}, priority {priority}"},
    "resumed": {
        "zh": "系统恢复后继续（线路版本 {line_version}）",
        "en": "goes on after a restart (version {line_version} of the line)",
    },
    "overflowed": {"zh": "也转向队列 {to}", "en": "overflows to queue {to} too"},
    "diverted": {"zh": "转出队列：{way} {to}", "en": "diverted: {way} {to}"},
    "announces": {"zh": "播放公告 {announcement}，继续排队", "en": "is to hear the announcement {announcement}, and waits on"},
    "place_told": {"zh": "告知排在第 {position} 位，预计等待 {wait}", "en": "was told place {position}, expected wait {wait}"},
    "outside_dialled": {"zh": "拨打外部号码 {number}", "en": "outside number {number} dialled"},
    "outside_refused": {"zh": "未拨打外部号码 {number}：{reason}", "en": "outside number {number} not dialled: {reason}"},
    "outside_ended": {"zh": "外部号码 {number}：{status}", "en": "outside number {number}: {status}"},
    "outside_answered": {"zh": "外部号码接听", "en": "the outside number answered"},
    "wait_told": {
        "zh": "曾告知预计等待 {told_s} 秒，实际 {waited_s} 秒",
        "en": "was told to wait {told_s} s, waited {waited_s} s",
    },
    "announced": {"zh": "听到公告 {announcement}", "en": "heard the announcement {announcement}"},
    "skills_relaxed": {"zh": "只要求技能 {skills}", "en": "needs only the skills: {skills}"},
    "offered": {"zh": "分配给 {agent}", "en": "offered to {agent}"},
    "passed_away": {"zh": "未分配给 {agent}：不在岗", "en": "not to {agent}: not at work"},
    "passed_busy": {"zh": "未分配给 {agent}：忙", "en": "not to {agent}: busy"},
    "passed_later": {"zh": "未分配给 {agent}：顺序在后", "en": "not to {agent}: comes behind"},
    "passed_skills": {"zh": "未分配给 {agent}：缺少技能", "en": "not to {agent}: lacks the skills"},
    "offer_failed": {"zh": "{agent} 未接听（{dial_status}）", "en": "{agent} did not take it ({dial_status})"},
    "answered": {"zh": "{agent} 接听，等待 {seconds} 秒", "en": "{agent} answered after {seconds} s"},
    "left_line": {"zh": "离开队列（{left_reason}）", "en": "left the line ({left_reason})"},
    "blacklisted": {"zh": "号码在黑名单中（{policy}）", "en": "the number is on the blacklist ({policy})"},
    "passed_on": {"zh": "{by} 转接到 {to}", "en": "{by} passed the caller on to {to}"},
    "dialled": {"zh": "呼叫话机 {extension}", "en": "telephone {extension} was rung"},
    "dial_ended": {"zh": "话机呼叫结束（{status}）", "en": "the telephone: {status}"},
    "callback_refused": {"zh": "不能登记回呼（{reason}）", "en": "no call-back could be promised ({reason})"},
    "voicemail": {"zh": "请求留言给 {queue}", "en": "was asked for a message to {queue}"},
    "voicemail_refused": {"zh": "不能留言（{cause}）", "en": "no message could be left ({cause})"},
    "voicemail_take": {"zh": "留言 {seconds} 秒", "en": "a message of {seconds} s"},
    "fax": {"zh": "由传真机接收", "en": "a fax machine took it"},
    "surveyed": {"zh": "满意度 {question}：{key}", "en": "survey {question}: {key}"},
    "recording_begun": {"zh": "开始录音", "en": "the recording began"},
    "recording_not_begun": {"zh": "未录音（{cause}）", "en": "not recorded ({cause})"},
    "recording_paused": {"zh": "暂停录音（{by}，{cause}）", "en": "the recording was paused ({by}, {cause})"},
    "recording_resumed": {"zh": "恢复录音（{cause}）", "en": "the recording went on ({cause})"},
    "recording_stopped": {"zh": "停止录音（{cause}）", "en": "the recording was stopped ({cause})"},
    "talk_hung_up": {"zh": "{by} 在页面上挂断", "en": "{by} hung up on the page"},
    "call_hung_up": {"zh": "{by} 结束来电", "en": "{by} ended the call"},
    "ended": {"zh": "结束（{outcome}）", "en": "over ({outcome})"},
    "step": {"zh": "{kind}", "en": "{kind}"},
}  # fmt: skip
_REASONS: Mapping[str, Words] = {
    "unmet": {
        "zh": "{condition} 需为 {wanted}，实为 {found}",
        "en": "{condition} is {found}, wanted {wanted}",
    },
    "decided_by": {"zh": "已由 {by} 决定", "en": "{by} had decided"},
    "no_salesperson": {"zh": "没有业务员", "en": "there is no salesperson"},
    "nobody_spoke": {"zh": "近期无人通话", "en": "nobody spoke with them lately"},
    "spoke_too_long_ago": {
        "zh": "上次通话在 {days} 天前，超过 {within} 天",
        "en": "last spoken with {days} days ago, more than {within}",
    },
    "did": {"zh": "拨打了专属号码 {number}", "en": "dialled {number}"},
    "extension": {"zh": "拨打分机 {extension}", "en": "dialled extension {extension}"},
    "hours_open": {"zh": "在 {hours} 营业时间内", "en": "within the hours {hours}"},
    "hours_closed": {"zh": "在 {hours} 营业时间外", "en": "outside the hours {hours}"},
    "holiday": {"zh": "假日 {holiday}", "en": "holiday {holiday}"},
    "medium": {"zh": "媒体 {medium}", "en": "medium {medium}"},
    "menu_choice": {"zh": "按键 {choice}", "en": "pressed {choice}"},
    "area": {"zh": "归属地 {area}", "en": "at home in {area}"},
    "vip_level": {"zh": "客户等级 {level}", "en": "level {level}"},
    "grade": {"zh": "贡献等级 {grade}", "en": "grade {grade}"},
    "own_salesperson": {"zh": "客户的业务员 {agent}", "en": "the customer's salesperson {agent}"},
    "last_agent": {"zh": "{days} 天前与 {agent} 通话", "en": "spoke with {agent} {days} days ago"},
    "skills_needed": {"zh": "需要技能 {skills}", "en": "skills needed: {skills}"},
    "default_route": {"zh": "默认路由", "en": "default route"},
    "dialled": {"zh": "所拨专线的坐席", "en": "at the extension called"},
    "salesperson": {"zh": "客户的业务员", "en": "the customer's salesperson"},
    "deputy": {"zh": "业务员的代理人", "en": "stands in for the salesperson"},
    "spoke_last": {"zh": "上次通话的坐席", "en": "spoke with them last"},
    "longest_idle": {"zh": "空闲最久，{seconds} 秒", "en": "idle the longest, {seconds} s"},
    "round_robin": {"zh": "轮流分配", "en": "in turn"},
    "least_calls": {"zh": "接听最少，{calls} 个", "en": "fewest calls, {calls}"},
    "proficiency": {"zh": "最熟练，{level}", "en": "most proficient, {level}"},
    "skills": {"zh": "具备技能 {skills}", "en": "has the skills {skills}"},
    "first_in_line": {"zh": "排队最久，{seconds} 秒", "en": "waited the longest, {seconds} s"},
    "overflow_time": {"zh": "从 {from} 溢出，{seconds} 秒", "en": "overflow from {from} after {seconds} s"},
    "nobody_ready": {"zh": "{from} 没有空闲坐席", "en": "no agent of {from} was free"},
    "nobody_there": {"zh": "{from} 无人在岗", "en": "nobody of {from} was at work"},
    "waiting_over": {"zh": "{from} 排队已满，{places} 人", "en": "{from} is full, {places} places"},
    "wait_over": {"zh": "{from} 预计等待超过 {seconds} 秒", "en": "expected wait in {from} over {seconds} s"},
    "callback_place": {"zh": "回拨已等 {seconds} 秒，位置照旧", "en": "was to be called back, {seconds} s of waiting count"},
    "passed_on": {"zh": "转接到 {extension}", "en": "passed on to {extension}"},
    "reserved": {"zh": "为此通话预占", "en": "reserved for this call"},
}  # fmt: skip
_VALUES: Mapping[str, Words] = {
    "customer": {"zh": "客户资料", "en": "the customer's record"},
    "imported": {"zh": "导入的号段表", "en": "the imported table"},
    "segment": {"zh": "自带号段表", "en": "the table of segments"},
    "area_code": {"zh": "区号", "en": "the area code"},
}
_NOTHING: Words = {"zh": "无", "en": "nothing"}
_HIDDEN: Words = {"zh": "隐藏号码", "en": "a hidden number"}


def lines(told: Sequence[Told], language: Language, zone: tzinfo) -> Iterator[str]:
    """A line for each thing, with its time to the second."""
    for each in told:
        yield f"{each.at.astimezone(zone):%H:%M:%S}  {sentence(each, language)}"


def sentence(told: Told, language: Language) -> str:
    """What happened or was decided, and its reasons."""
    why = (_words(_REASONS, reason.code, reason.params, language) for reason in told.why)
    reasons = "；".join(why) if language == "zh" else "; ".join(why)
    what = _words(_CODES, told.code, _shown(told, language), language)
    dash = f" — {reasons}" if reasons else ""
    return _plain(what + dash)


def _shown(told: Told, language: Language) -> Mapping[str, str]:
    number = {"number": _HIDDEN[language]} if told.code == "started" else {}
    by = told.params.get("by", "")
    source = {"by": _VALUES[by][language]} if told.code == "home" and by in _VALUES else {}
    return number | dict(told.params) | source


def _words(
    table: Mapping[str, Words], code: str, params: Mapping[str, str], language: Language
) -> str:
    words = table.get(code)
    if words is None:
        return " ".join([code, *(f"{name}={value}" for name, value in params.items())])
    return words[language].format_map(_Given(params, _NOTHING[language]))


class _Given(dict[str, str]):
    """What a sentence asks for and nobody gave is said to be nothing."""

    def __init__(self, params: Mapping[str, str], nothing: str) -> None:
        super().__init__({name: value for name, value in params.items() if value})
        self._nothing = nothing

    def __missing__(self, key: str) -> str:
        return self._nothing


def _plain(text: str) -> str:
    """In one line."""
    return "".join(each if each.isprintable() else " " for each in text)

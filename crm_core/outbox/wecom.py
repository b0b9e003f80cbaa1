"""WeCom (企业微信): a group that a robot writes into, and a person whom an application of ours tells.

Rule: the robot writes everything it is given, so a lost answer is MaybeSent. The application has WeCom's own
check for doubles switched on: what it repeats to the same person within four hours is removed there.

Sources: developer.work.weixin.qq.com, “消息推送 (群机器人)” and “发送应用消息”.
"""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from yarl import URL

from crm_core.outbox.http_provider import HttpAnswer, HttpProvider
from crm_core.outbox.ports import NEVER, MaybeSent, Message, NotNow, NotSent
from crm_core.outbox.wording import WordBook, Wording

ENDPOINT = "https://qyapi.weixin.qq.com"
LONGEST_TEXT = 2048
"""Bytes of UTF-8."""

ROBOT_KEY = re.compile(r"[0-9A-Za-z-]{8,64}", re.ASCII)
_MINUTE = timedelta(minutes=1)
_CHECK_WITHIN = timedelta(hours=4)
_ANSWER_LATE = timedelta(minutes=5)
_FRESH_BEFORE_END = timedelta(minutes=5)
_BUSY, _TOO_MANY, _TOO_MANY_AT_ONCE = -1, 45009, 45033
_TOKEN_OVER = (40014, 42001, 41001)
_OUR_SETTINGS = (40001, 40013, 40056, 48002, 60020, 301002)


@dataclass(frozen=True, slots=True)
class WeComApp:
    """An application of the company's own in WeCom."""

    corp_id: str
    secret: str = field(repr=False)
    agent_id: int
    endpoint: str = ENDPOINT
    timeout_s: float = 15.0


class WeComGroup:
    """The recipient is the key of the robot in the customer's group."""

    channel = "wecom_group"
    removes_doubles_within = NEVER

    def __init__(
        self, words: WordBook, *, endpoint: str = ENDPOINT, timeout_s: float = 15.0
    ) -> None:
        self._words = words
        self._endpoint = URL(endpoint)
        self._provider = HttpProvider("WeCom", timeout_s=timeout_s)

    async def send(self, message: Message) -> str:
        """WeCom gives no reference. Raises NotSent, NotNow, MaybeSent."""
        if not ROBOT_KEY.fullmatch(message.recipient):
            raise NotSent("the address is no key of a group's robot", permanent=True)
        words = await self._words.of(message, self.channel)
        url = self._endpoint.with_path("/cgi-bin/webhook/send") % {"key": message.recipient}
        answer = await self._provider.post(url, data=_json(_text(words)))
        code = _code(answer)
        if code == _TOO_MANY:
            raise NotNow(_reason(answer), everybody=False, wait=_MINUTE)
        if code != 0:
            raise _refused(answer, code)
        return ""

    async def close(self) -> None:
        await self._provider.close()


class WeComPerson:
    """The recipient is a user id. Keeps the access token until shortly before it ends."""

    channel = "wecom"
    removes_doubles_within = _CHECK_WITHIN - _ANSWER_LATE

    def __init__(self, app: WeComApp, words: WordBook, *, clock: Callable[[], datetime]) -> None:
        self._app = app
        self._words = words
        self._clock = clock
        self._endpoint = URL(app.endpoint)
        self._provider = HttpProvider("WeCom", timeout_s=app.timeout_s)
        self._token: str | None = None
        self._token_until: datetime | None = None
        self._asking = asyncio.Lock()

    async def send(self, message: Message) -> str:
        """Returns WeCom's msgid. Raises NotSent, NotNow, MaybeSent."""
        words = await self._words.of(message, self.channel)
        body = _json(
            {
                "touser": message.recipient,
                "agentid": self._app.agent_id,
                **_text(words),
                "enable_duplicate_check": 1,
                "duplicate_check_interval": int(_CHECK_WITHIN.total_seconds()),
            }
        )
        token = await self._access()
        url = self._endpoint.with_path("/cgi-bin/message/send") % {"access_token": token}
        answer = await self._provider.post(url, data=body)
        code = _code(answer)
        if code in _TOKEN_OVER:
            self._forget(token)
            raise NotNow(_reason(answer), everybody=False, wait=timedelta(0))
        if code != 0:
            raise _refused(answer, code)
        if answer.body.get("invaliduser"):
            raise NotSent("WeCom knows nobody by this user id", permanent=True)
        return str(answer.body.get("msgid", ""))

    async def close(self) -> None:
        await self._provider.close()

    async def _access(self) -> str:
        """The token in use, or a new one: asked for once, however many messages wait for it."""
        async with self._asking:
            now = self._clock()
            if (
                self._token is not None
                and self._token_until is not None
                and now < self._token_until
            ):
                return self._token
            query = {"corpid": self._app.corp_id, "corpsecret": self._app.secret}
            try:
                answer = await self._provider.get(
                    self._endpoint.with_path("/cgi-bin/gettoken") % query
                )
            except MaybeSent as error:
                raise NotNow(error.reason) from error
            if _code(answer) != 0:
                raise NotNow(_reason(answer))
            lasts = timedelta(seconds=int(answer.body.get("expires_in", 7200)))
            self._token = str(answer.body["access_token"])
            self._token_until = now + max(lasts - _FRESH_BEFORE_END, lasts / 2)
            return self._token

    def _forget(self, token: str) -> None:
        if self._token == token:
            self._token = None


def _text(words: Wording) -> dict[str, object]:
    whole = f"{words.subject}\n\n{words.body.strip()}"
    return {"msgtype": "text", "text": {"content": shortened(whole, LONGEST_TEXT)}}


def shortened(text: str, most: int) -> str:
    """At most so many bytes of UTF-8, with an ellipsis where something is missing."""
    if len(text.encode()) <= most:
        return text
    return text.encode()[: most - 3].decode(errors="ignore") + "…"


def _json(values: Mapping[str, object]) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode()


def _code(answer: HttpAnswer) -> int:
    """WeCom's errcode. Raises MaybeSent when there is none."""
    code = answer.body.get("errcode")
    if not isinstance(code, int):
        raise MaybeSent(f"WeCom answered {answer.status} without a code")
    return code


def _reason(answer: HttpAnswer) -> str:
    return f"{answer.body.get('errcode')}: {answer.body.get('errmsg', '')}"


def _refused(answer: HttpAnswer, code: int) -> Exception:
    if code in (_TOO_MANY, _TOO_MANY_AT_ONCE):
        return NotNow(_reason(answer), wait=_MINUTE)
    if code in _OUR_SETTINGS:
        return NotNow(_reason(answer))
    if code == _BUSY:
        return MaybeSent(_reason(answer))
    return NotSent(_reason(answer), permanent=True)

"""Asking a Kingdee server. Rule: an order is looked for by its number before it is saved, and each of Save,
Submit and Audit is done only where it is missing; so it may be sent again from wherever it stopped.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from orders.connections.asking import ask_json, member
from orders.connections.connectors.kingdee import errors, mapping
from orders.connections.connectors.kingdee.settings import Secrets, Settings
from orders.connections.errors import ConnectorError
from orders.connections.outgoing import Outgoing
from orders.connections.papers import LeavingOrder, OutsideCount, OutsideState
from orders.connections.ports import SendsNothingHere

_STUB = "Kingdee.BOS.WebApi.ServicesStub"
_SERVICE = _STUB + ".DynamicFormService.{name}.common.kdsvc"
_LOGIN = _STUB + ".AuthService.LoginByAppSecret.common.kdsvc"
_CHINESE = 2052
_SAVED, _IN_REVIEW = ("Z", "A", "D"), "B"


class KingdeeClient(SendsNothingHere):
    """Logs in with its first question, and again when the session has ended."""

    def __init__(
        self,
        settings: Settings,
        secrets: Secrets,
        outgoing: Outgoing,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._outgoing = outgoing
        self._clock = clock
        self._session = ""

    async def send(self, order: LeavingOrder) -> str:
        """Saved, handed in and, where the settings say so, approved."""
        status = await self._status(order.number)
        if status is None:
            await self._do("Save", mapping.FORM, mapping.save(self._settings, order))
            status = "A"
        numbers = {"Numbers": [order.number]}
        if status in _SAVED:
            await self._do("Submit", mapping.FORM, numbers)
            status = _IN_REVIEW
        if status == _IN_REVIEW and self._settings.audit:
            await self._do("Audit", mapping.FORM, numbers)
        return order.number

    async def states(self, since: datetime) -> Sequence[OutsideState]:
        return mapping.states(self._settings, await self._rows(mapping.changed_since(since)))

    async def counts(self, codes: Sequence[str]) -> Sequence[OutsideCount]:
        return mapping.counts(await self._rows(mapping.stock_of(codes))) if codes else ()

    async def _status(self, number: str) -> str | None:
        """None: it is not there."""
        rows = await self._rows(mapping.by_number(number))
        return str(rows[0][2]) if rows else None

    async def _rows(self, query: dict[str, Any]) -> list[list[Any]]:
        answer = await self._ask("ExecuteBillQuery", {"data": query})
        if not isinstance(answer, list) or not all(isinstance(row, list) for row in answer):
            raise errors.refusal(answer) or ConnectorError(
                "kingdee_answer", "the query's answer is no list", permanent=False
            )
        if answer and len(answer[0]) == 1 and isinstance(answer[0][0], dict):
            raise errors.refusal(answer[0][0]) or ConnectorError(
                "kingdee_answer", "the query's answer is no list", permanent=False
            )
        return answer

    async def _do(self, name: str, form: str, data: dict[str, Any]) -> None:
        answer = await self._ask(name, {"formid": form, "data": data})
        if (refused := errors.refusal(answer)) is not None:
            raise refused

    async def _ask(self, name: str, content: dict[str, Any]) -> Any:
        if not self._session:
            await self._log_in()
        answer = await self._call(_SERVICE.format(name=name), content)
        if _session_lost(answer):
            await self._log_in()
            answer = await self._call(_SERVICE.format(name=name), content)
        return answer

    async def _call(self, service: str, content: dict[str, Any]) -> Any:
        url = f"{self._settings.url.rstrip('/')}/{service}"
        answer, _ = await ask_json(
            self._outgoing, "POST", url, content, {"kdservice-sessionid": self._session}
        )
        return answer

    async def _log_in(self) -> None:
        self._session = ""
        answer = await self._call(
            _LOGIN,
            {
                "acctID": self._settings.database,
                "username": self._settings.username,
                "appId": self._secrets.app_id,
                "appSecret": self._secrets.app_secret,
                "lcid": _CHINESE,
            },
        )
        if (refused := errors.login_refusal(answer)) is not None:
            raise refused
        self._session = str(member(answer, "KDSVCSessionId") or "")


def _session_lost(answer: Any) -> bool:
    found = answer
    while isinstance(found, list) and found:
        found = found[0]
    refused = errors.refusal(found) if isinstance(found, dict) else None
    return refused is not None and refused.code == errors.LOGIN_AGAIN

"""Asking a Kingdee server. Rule: an order is looked for by its number before it is saved, and each of Save,
Submit and Audit is done only where it is missing; so it may be sent again from wherever it stopped. What changed is
taken back until it may be changed (UnAudit, CancelAssign), and saved over what is there.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from orders.connections.asking import ask_json, member
from orders.connections.connectors.kingdee import errors, mapping
from orders.connections.connectors.kingdee.mapping import Bill
from orders.connections.connectors.kingdee.settings import Secrets, Settings
from orders.connections.errors import ConnectorError
from orders.connections.outgoing import Outgoing
from orders.connections.papers import Changes, LeavingOrder, OutsideCount, Place
from orders.connections.ports import SendsNothingHere

_STUB = "Kingdee.BOS.WebApi.ServicesStub"
_SERVICE = _STUB + ".DynamicFormService.{name}.common.kdsvc"
_LOGIN = _STUB + ".AuthService.LoginByAppSecret.common.kdsvc"
_CHINESE = 2052
_MOST_PAGES = 50
_NEW, _IN_REVIEW, _APPROVED = "A", "B", "C"
_SAVED = ("Z", _NEW, "D")


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
        """Saved, handed in and, where the settings say so, approved; what is held for review is only saved."""
        there = await self._there(order.number)
        if there is None:
            await self._do("Save", mapping.FORM, mapping.save(self._settings, order))
            status = _NEW
        elif order.changed:
            await self._reopen(there)
            await self._do("Save", mapping.FORM, mapping.save(self._settings, order, there.id))
            status = _NEW
        else:
            status = there.status
        if order.held:
            return order.number
        numbers = {"Numbers": [order.number]}
        if status in _SAVED:
            await self._do("Submit", mapping.FORM, numbers)
            status = _IN_REVIEW
        if status == _IN_REVIEW and self._settings.audit:
            await self._do("Audit", mapping.FORM, numbers)
        return order.number

    async def cancel(self, number: str) -> bool:
        """Void (作废)."""
        there = await self._there(number)
        if there is None or there.void:
            return there is not None
        await self._reopen(there)
        content = {"formid": mapping.FORM, "opNumber": "Cancel", "data": {"Numbers": [number]}}
        _raise_refusal(await self._ask("ExcuteOperation", content))
        return True

    async def states(self, place: Place) -> Changes:
        return mapping.changes(self._settings, await self._rows(mapping.changed_from(place)), place)

    async def counts(self, codes: Sequence[str]) -> Sequence[OutsideCount]:
        rows: list[list[Any]] = []
        for _ in range(_MOST_PAGES if codes else 0):
            page = await self._rows(mapping.stock_of(codes, len(rows)))
            rows += page
            if len(page) < mapping.PAGE:
                return mapping.counts(rows)
        if codes:
            raise ConnectorError(
                "kingdee_answer", "the stock of these products has no end", permanent=False
            )
        return ()

    async def _there(self, number: str) -> Bill | None:
        return mapping.bill(await self._rows(mapping.by_number(number)))

    async def _reopen(self, there: Bill) -> None:
        """Until it may be changed."""
        back = {_APPROVED: "UnAudit", _IN_REVIEW: "CancelAssign"}.get(there.status)
        if back is not None:
            await self._do(back, mapping.FORM, {"Numbers": [there.number]})

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
        _raise_refusal(await self._ask(name, {"formid": form, "data": data}))

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


def _raise_refusal(answer: Any) -> None:
    if (refused := errors.refusal(answer)) is not None:
        raise refused


def _session_lost(answer: Any) -> bool:
    found = answer
    while isinstance(found, list) and found:
        found = found[0]
    refused = errors.refusal(found) if isinstance(found, dict) else None
    return refused is not None and refused.code == errors.LOGIN_AGAIN

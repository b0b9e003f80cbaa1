"""Whether an agent's telephone may dial a number outside: as far as the rights of whose telephone it is reach.

Rule: while nobody can say what the rights are, nothing is dialled. Emergency numbers are not asked about (dialplan).
"""

from collections.abc import Callable
from typing import Final

import structlog

from ami_bridge.agi import AgiSession
from crm_core.errors import DatabaseUnavailable
from crm_core.numbers import normalise
from crm_core.people.accounts import AccountService
from crm_core.rights import Principal, Right
from ivr.menu import Language
from ivr.prompts import PromptLibrary

log = structlog.get_logger(__name__)

SCRIPT: Final = "dial"
"""By which the dialplan asks."""
_ALLOWED = "ZJ_MAY_DIAL"


class AgentDialling:
    """`right_to_dial`: the right that a number needs, by how far it is; `language` is spoken to who has none of the own."""

    def __init__(
        self,
        accounts: AccountService,
        right_to_dial: Callable[[str], Right],
        *,
        prompts: PromptLibrary,
        language: Language,
    ) -> None:
        self._accounts = accounts
        self._right_to_dial = right_to_dial
        self._prompts = prompts
        self._language = language

    async def enter(self, session: AgiSession) -> None:
        """Allow the call by a channel variable, or say why it is not dialled."""
        extension, number = session.env.query.get("phone", ""), session.env.query.get("number", "")
        try:
            who = await self._accounts.of_phone(extension)
        except DatabaseUnavailable:
            log.warning("dialling_not_decided", extension=extension)
            await self._say(session, "dialling_not_now", None)
            return
        wanted = normalise(number)
        right = self._right_to_dial(wanted) if wanted else None
        if who is not None and right is not None and who.may(right):
            await session.set_variable(_ALLOWED, "1")
            return
        user = who.user_id if who else None
        log.warning("dialling_refused", extension=extension, user=user, right=right)
        await self._say(session, "dialling_refused", who)

    async def _say(self, session: AgiSession, prompt: str, who: Principal | None) -> None:
        language: Language = self._language
        if who is not None:
            language = "en" if who.locale == "en" else "zh"
        await session.answer()
        await session.play([self._prompts.path(prompt, language)])

"""One call under way, as its parts share it."""

from collections.abc import Iterable
from dataclasses import dataclass

from acd.hours import Moment
from acd.lineplan import DidPlan
from acd.records import CallerFacts, CallRecord
from ami_bridge.agi import AgiSession
from crm_core.customers.identity import CallerIdentity
from ivr.house import House
from ivr.line.live import Line
from ivr.menu import Language

NOBODY = CallerFacts()


@dataclass(slots=True)
class UnderWay:
    """`line` is the version that the call goes by, `number` the caller's, None when it is hidden; `who` is known of
    the caller, by telephone or by PIN, `known` what the record has of that.
    """

    house: House
    line: Line
    session: AgiSession
    record: CallRecord
    number: str | None
    language: Language
    who: CallerIdentity | None = None
    known: CallerFacts = NOBODY

    @property
    def did(self) -> DidPlan | None:
        """The number called, as the line knows it."""
        return self.line.plan.did_by_number.get(self.record.row.did)

    def moment(self) -> Moment:
        """What is open now, by the clock of the house."""
        return self.line.plan.times.at(self.house.clock().astimezone(self.house.zone))

    async def say(self, prompt: str) -> None:
        """One of the house's prompts, to its end."""
        await self.session.play([self.house.prompts.path(prompt, self.language)])

    async def tell(self, prompts: tuple[str, ...], language: Language) -> None:
        """Announcements to their end."""
        if prompts:
            await self.session.answer()
            self.note_announced(prompts)
            await self.session.play(await self.paths(prompts, language))

    def note_announced(self, prompts: Iterable[str]) -> None:
        """Which announcements of the line are among the prompts."""
        for name in self.line.menus.announced_in(prompts):
            self.record.step("announced", announcement=name)

    async def paths(self, prompts: tuple[str, ...], language: Language) -> list[str]:
        """The files of prompts, the line's own texts among them."""
        return await self.house.prompts.playable(self.line.menus, prompts, language)

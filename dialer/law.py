"""The rules together with what is known of numbers outside the dialler's tables."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from crm_core.places.finder import Place
from dialer.policy import Purpose
from dialer.rules.verdict import DialRules, Standing, Verdict, may_dial
from dialer.standing import Wanted


def _nowhere(_: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Law:
    """`home`: where a number is at home, as far as that is known."""

    rules: DialRules = field(default_factory=DialRules)
    home: Callable[[str], Place | None] = _nowhere

    def wanted(self, purpose: Purpose, now: datetime, campaign_id: int | None = None) -> Wanted:
        """What the rules must be told of numbers."""
        return Wanted(purpose, now, now - self.rules.memory, campaign_id)

    def verdict(
        self, purpose: Purpose, now: datetime, standing: Standing, *, reserved: bool = True
    ) -> Verdict:
        """`reserved`: an agent waits for this call."""
        return may_dial(purpose, now, self._at_home(standing), self.rules, reserved=reserved)

    def words(self, purpose: Purpose, standing: Standing) -> str:
        """What the ledger keeps as the rules, and the consent, that allowed a call."""
        words = self.rules.describe(purpose, self.rules.areas(self._at_home(standing)))
        return words if standing.consent is None else f"{words} consent {standing.consent}"

    def _at_home(self, standing: Standing) -> Standing:
        home = self.home(standing.number)
        if home is None:
            return standing
        return replace(standing, places=(home.province, *standing.places))

"""Every decision is told in both languages."""

from typing import get_args

import pytest
from hypothesis import given

from dialer.pacing import why as module
from dialer.pacing.reported import Cap, Mode
from dialer.pacing.why import Language, Outcome, words
from tests.dialer.pacing_floors import NOW, floor, floors, pacer, pacers


@pytest.mark.parametrize("language", get_args(Language))
def test_every_kind_of_decision_has_a_sentence(language):
    for kinds, table in (
        (Mode, module._MODES),
        (Cap, module._CAPS),
        (Outcome, module._OUTCOMES),
    ):
        assert {kind for kind in table if table[kind][language]} == set(get_args(kinds))


@given(floors, pacers)
def test_any_decision_can_be_told(there, pacing):
    decision = pacing.decide(there, NOW)
    for language in get_args(Language):
        said = words(decision, language)
        assert len(said) == 4 + bool(decision.why.capped_by)
        assert not any("{" in each for each in said)


def test_a_supervisor_reads_estimates_budget_and_decision():
    decision = pacer(abandoned=6).decide(floor(idle=2, talking=8, ringing=1), NOW)
    said = words(decision, "en")
    assert said[0].startswith(
        f"{decision.why.answer_rate:.0%} of calls are expected to be answered"
    )
    assert said[1].startswith("Today 1.5% of those who answered were abandoned, the limit is 3.0%")
    assert said[3] == f"Calls begun now: {decision.n_dial}."
    assert "今日呼损率 1.5%" in words(decision, "zh")[1]

"""Results of attempts, and when numbers are dialled again after them."""

import pytest

from dialer.policy import classify, retry_for


@pytest.mark.parametrize(
    ("cause", "result"),
    [(17, "busy"), (1, "invalid_number"), (19, "no_answer"), (21, "rejected"), (34, "congestion")],
)
def test_a_hang_up_cause_becomes_a_disposition(cause, result):
    assert classify(cause) == result


@pytest.mark.parametrize("result", ["invalid_number", "rejected", "reached", "unknown"])
def test_these_results_are_never_dialled_again_by_themselves(result):
    assert retry_for(result).after is None

"""Which field tells of which, and what stays of a record that is written anew by somebody with limits."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.errors import Forbidden
from crm_core.field_rights import GIVES_AWAY, is_hidden, parts
from crm_core.fields import Command
from crm_core.rights import Access, Principal, kept
from tests.crm_core.crm_core_support import person

NAMES = sorted({*GIVES_AWAY, *(each for told in GIVES_AWAY.values() for each in told)})


class Content(Command):
    note: str | None = None
    address: str | None = None


def clerk(access: Access, *names: str) -> Principal:
    return replace(person("agent", 1), fields=dict.fromkeys(names, access))


@given(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES), max_size=4))
def test_what_gives_a_hidden_field_away_is_hidden_too(name: str, hidden: set[str]):
    """By the definition: a field is hidden when a way along GIVES_AWAY leads from it to a hidden one."""
    reached, edge = set(), {name}
    while edge:
        edge = {part for each in edge for part in parts(each)}
        reached |= edge
        edge = {told for each in edge for told in GIVES_AWAY.get(each, ())} - reached
    assert is_hidden(name, hidden) == bool(reached & hidden)


@pytest.mark.parametrize("name", ["order.cost", "order.margin"])
@pytest.mark.parametrize("hidden", ["order.cost", "order.margin"])
def test_cost_and_margin_tell_each_other(name: str, hidden: str):
    assert is_hidden(name, {hidden})
    assert not is_hidden("order.discount", {hidden})


def test_whoever_may_write_writes_what_he_gives_and_empties_what_he_does_not():
    stands = {"note": "a", "address": "b"}
    assert kept(clerk(Access.WRITE, "order.note"), "order", Content(note="c"), stands) == {}


@pytest.mark.parametrize(
    ("access", "given", "stays"),
    [
        (Access.READ, {}, {"note": "a"}),
        (Access.READ, {"note": "a"}, {}),
        (Access.HIDDEN, {}, {"note": "a"}),
        (Access.HIDDEN, {"note": None}, {"note": "a"}),
        (Access.READ, {"note": None}, None),
        (Access.READ, {"note": "c"}, None),
        (Access.HIDDEN, {"note": "c"}, None),
    ],
)
def test_what_is_not_his_stays_and_is_refused_when_he_changes_it(
    access: Access, given: dict[str, object], stays: dict[str, object] | None
):
    actor, content = clerk(access, "order.note"), Content.model_validate(given)
    if stays is None:
        with pytest.raises(Forbidden) as refused:
            kept(actor, "order", content, {"note": "a"})
        assert refused.value.fields == {"note": "forbidden"}
    else:
        assert kept(actor, "order", content, {"note": "a"}) == stays


def test_an_address_that_only_another_record_hides_stays_when_it_comes_empty():
    actor = clerk(Access.HIDDEN, "customer.addresses")
    stands = {"address": "b"}
    assert kept(actor, "order", Content(address=None), stands) == stands
    assert kept(actor, "order", Content(address="c"), stands) == {}

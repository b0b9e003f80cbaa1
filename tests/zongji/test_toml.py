"""Settings that are written are read back the same."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from zongji.toml import to_toml

texts = st.text(st.characters(exclude_categories=["Cs"]))
plain = st.one_of(
    texts, st.integers(-(2**63), 2**63 - 1), st.booleans(), st.floats(allow_nan=False)
)
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)


@given(st.dictionaries(texts, values, max_size=5))
def test_what_is_written_is_read_back_the_same(settings: dict[str, object]):
    assert tomllib.loads(to_toml(settings)) == settings


def test_plain_values_stand_before_tables_and_each_table_under_its_name():
    assert to_toml({"web": {"port": 1}, "var": "/x", "asterisk": [{"name": "a"}]}) == (
        'var = "/x"\n\n[web]\nport = 1\n\n[[asterisk]]\nname = "a"\n'
    )

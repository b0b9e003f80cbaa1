"""The journal: nothing written is lost, torn lines harm nobody, what is stored goes."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.journal import Journal
from acd.rows import AgentStateRow, CallRow, Row, StepRow, decode, encode, split

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


def call(call_id: str = "c1", **values: object) -> CallRow:
    base = {
        "id": call_id,
        "node": "pbx1",
        "linkedid": "1.1",
        "direction": "inbound",
        "caller": "13800138000",
        "did": "4006001001",
        "started_at": AT,
    }
    return CallRow(**(base | values))  # type: ignore[arg-type]


def step(seq: int, **detail: object) -> StepRow:
    return StepRow("c1", seq, AT, "key", detail)


def agent(seq: int) -> AgentStateRow:
    return AgentStateRow(7, seq, "王小明", "8001", ("north",), "ready", None, None, None, AT, None)


def opened(folder: Path, *snapshot: Row, rotate_bytes: int = 1 << 24) -> Journal:
    journal = Journal(folder, rotate_bytes=rotate_bytes)
    journal.recover()
    journal.open(lambda: snapshot)
    return journal


def drain(journal: Journal) -> list[str]:
    keys = []
    while (batch := journal.read(2)) is not None:
        keys += [line.key for line in batch.lines]
        journal.stored(batch)
    return keys


def test_lines_come_back_in_the_order_in_which_they_were_written(tmp_path: Path):
    journal = opened(tmp_path)
    for seq in range(5):
        journal.append(step(seq))
    assert drain(journal) == [f"c1/{seq}" for seq in range(5)]
    assert journal.read(2) is None
    journal.append(step(5))
    assert drain(journal) == ["c1/5"]


def test_what_a_killed_daemon_wrote_is_there_for_the_next(tmp_path: Path):
    opened(tmp_path).append(call())
    rows = Journal(tmp_path).recover().rows
    assert rows == (call(),)


@pytest.mark.parametrize("cut", [1, 5, 60])
def test_a_torn_last_line_is_counted_and_passed_over(tmp_path: Path, cut: int):
    journal = opened(tmp_path)
    journal.append(step(0))
    journal.append(step(1))
    file = next(tmp_path.glob("*.journal"))
    file.write_bytes(file.read_bytes()[:-cut])
    after = Journal(tmp_path)
    recovered = after.recover()
    assert recovered.rows[:1] == (step(0),)
    assert recovered.damaged == (0 if cut == 1 else 1)
    after.open(tuple)
    after.append(step(2))
    assert drain(after)[-1] == "c1/2"


def test_a_new_file_opens_with_what_is_current_and_old_ones_go_when_stored(tmp_path: Path):
    journal = opened(tmp_path, agent(1), rotate_bytes=2_000)
    for seq in range(40):
        journal.append(step(seq))
    assert len(list(tmp_path.glob("*.journal"))) >= 3
    drain(journal)
    assert len(list(tmp_path.glob("*.journal"))) == 1
    journal.close()
    assert agent(1) in Journal(tmp_path).recover().rows


def test_rows_wait_in_memory_while_the_disk_refuses(tmp_path: Path):
    journal = opened(tmp_path)
    whole, journal._out = journal._out, 10_000
    journal.append(step(0))
    journal._out = whole
    journal.append(step(1))
    assert drain(journal) == ["c1/0", "c1/1"]


texts = st.text(max_size=30)


@given(
    st.dictionaries(texts, texts | st.integers() | st.none(), max_size=3),
    st.none() | texts,
    st.integers(0, 10**6),
)
def test_any_text_survives_the_journal(detail: dict[str, object], caller: str | None, seq: int):
    for row in (StepRow("c1", seq, AT, "key", detail), call(caller=caller, steps=seq), agent(seq)):
        line = encode(row)
        assert line.count(b"\n") == 1
        back = decode(split(line))
        assert type(back) is type(row)
        assert encode(back) == line

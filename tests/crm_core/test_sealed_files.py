"""Files encrypted at rest: any part is read, nothing that was changed is, and only under the right key."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_core.sealed_files import (
    CHUNK,
    FileDamaged,
    FileKeyMissing,
    FileKeys,
    FileReader,
    SealedWriter,
)

OLD, NEW = b"an old key of thirty-two bytes !", b"a new key of thirty-two bytes !!"
KEYS = FileKeys([OLD], "test")
CONTENT = bytes(range(256)) * (2 * CHUNK // 256) + b"a rest"


def sealed(folder: Path, content: bytes, keys: FileKeys = KEYS, *, pieces: int = 50_000) -> Path:
    path = folder / "sealed"
    with path.open("wb") as out:
        writer = SealedWriter(out, keys, len(content))
        for start in range(0, len(content), pieces):
            writer.write(content[start : start + pieces])
        writer.finish()
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    size=st.one_of(st.integers(0, 300), st.integers(CHUNK - 2, CHUNK + 2), st.just(2 * CHUNK)),
    start=st.integers(0, 2 * CHUNK + 9),
    length=st.integers(0, 2 * CHUNK),
)
def test_any_part_reads_as_it_was_written(tmp_path: Path, size: int, start: int, length: int):
    content = CONTENT[:size]
    with FileReader(sealed(tmp_path, content), KEYS) as reader:
        assert reader.size == size
        assert reader.read(start, length) == content[start : start + length]


def test_nothing_of_the_content_stands_in_the_file(tmp_path: Path):
    path = sealed(tmp_path, b"4111 1111 1111 1111" * 10)
    assert b"4111" not in path.read_bytes()


def test_a_plain_file_reads_as_it_is(tmp_path: Path):
    path = tmp_path / "plain"
    path.write_bytes(b"RIFF as it is")
    with FileReader(path, KEYS) as reader:
        assert (reader.size, reader.read(5, 2)) == (13, b"as")


def test_a_new_key_seals_and_the_old_one_still_opens(tmp_path: Path):
    both = FileKeys([NEW, OLD], "test")
    with FileReader(sealed(tmp_path, b"old"), both) as reader:
        assert reader.read(0, 9) == b"old"
    with FileReader(sealed(tmp_path, b"new", both), FileKeys([NEW], "test")) as reader:
        assert reader.read(0, 9) == b"new"


def test_without_its_key_a_file_says_which_one_is_missing(tmp_path: Path):
    path = sealed(tmp_path, b"old")
    with pytest.raises(FileKeyMissing, match="put it back"):
        FileReader(path, FileKeys([NEW], "test"))
    with pytest.raises(FileKeyMissing, match="give one in the settings"):
        sealed(tmp_path, b"new", FileKeys([], "test"))


def test_another_rooms_files_are_not_opened(tmp_path: Path):
    with (
        FileReader(sealed(tmp_path, b"old"), FileKeys([OLD], "another room")) as reader,
        pytest.raises(FileDamaged),
    ):
        reader.read(0, 3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(place=st.integers(0, len(CONTENT) + 76 - 1), bit=st.integers(0, 7))
def test_a_bit_that_was_changed_is_noticed(tmp_path: Path, place: int, bit: int):
    path = sealed(tmp_path, CONTENT)
    written = bytearray(path.read_bytes())
    written[place] ^= 1 << bit
    path.write_bytes(written)
    if place < 8:
        with FileReader(path, KEYS) as reader:
            assert reader.read(0, 9) != CONTENT[:9]
        return
    with pytest.raises((FileDamaged, FileKeyMissing)), FileReader(path, KEYS) as reader:
        reader.read(0, reader.size)


@pytest.mark.parametrize("kept", [20, 44, CHUNK, CHUNK + 60, 2 * CHUNK + 76])
def test_a_file_that_was_cut_off_is_noticed(tmp_path: Path, kept: int):
    path = sealed(tmp_path, CONTENT)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(FileDamaged):
        FileReader(path, KEYS)


def test_chunks_cannot_be_exchanged(tmp_path: Path):
    path = sealed(tmp_path, CONTENT)
    written = path.read_bytes()
    first, second = written[44 : 44 + CHUNK + 16], written[44 + CHUNK + 16 : 44 + 2 * (CHUNK + 16)]
    path.write_bytes(written[:44] + second + first + written[44 + 2 * (CHUNK + 16) :])
    with FileReader(path, KEYS) as reader, pytest.raises(FileDamaged):
        reader.read(0, 10)


def test_less_than_was_promised_is_an_error(tmp_path: Path):
    with (tmp_path / "short").open("wb") as out:
        writer = SealedWriter(out, KEYS, 10)
        writer.write(b"nine byte")
        with pytest.raises(ValueError, match="1 bytes more"):
            writer.finish()


def test_a_short_key_is_refused():
    with pytest.raises(ValueError, match="at least 32 bytes"):
        FileKeys([b"short"], "test")

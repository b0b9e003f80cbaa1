"""A file that is replaced is whole for whoever reads it."""

from pathlib import Path

from crm_core.whole_files import write_if_changed


def test_a_reader_sees_the_old_file_or_the_new_one_and_never_half(tmp_path: Path):
    path = tmp_path / "sip.conf"
    write_if_changed(path, "old")
    with path.open() as reader:
        write_if_changed(path, "new")
        assert reader.read() == "old"

    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_was_interrupted_is_done_again(tmp_path: Path):
    path = tmp_path / "sip.conf"
    (tmp_path / "sip.conf.new").write_text("half of it")

    assert write_if_changed(path, "whole")
    assert path.read_text() == "whole"
    assert not write_if_changed(path, "whole")


def test_what_was_damaged_is_written_again(tmp_path: Path):
    path = tmp_path / "sip.conf"
    path.write_bytes(b"\xff\x00")

    assert write_if_changed(path, "全")
    assert path.read_text(encoding="utf-8") == "全"

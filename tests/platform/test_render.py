"""Configuration is written whole and only when every value is there and harmless."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zongji.platform.errors import PlatformError
from zongji.platform.render import render


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "sip.conf").write_text("[general]\nbind = @host@:@port@\n")
    (folder / "rtp.conf").write_text("; no values here\nstart = 1\n")
    (folder / "notes.txt").write_text("@nothing@")
    return folder


def test_values_are_filled_in_and_other_files_left_alone(templates: Path, tmp_path: Path):
    changed = render(templates, tmp_path / "etc", {"host": "127.0.0.1", "port": "5060"})

    assert [path.name for path in changed] == ["rtp.conf", "sip.conf"]
    assert (tmp_path / "etc" / "sip.conf").read_text() == "[general]\nbind = 127.0.0.1:5060\n"
    assert not (tmp_path / "etc" / "notes.txt").exists()


def test_every_missing_value_is_named_with_file_and_line_and_nothing_is_written(
    templates: Path, tmp_path: Path
):
    (templates / "more.conf").write_text("\n\nkey = @unknown@\n")

    with pytest.raises(PlatformError) as refused:
        render(templates, tmp_path / "etc", {"host": "127.0.0.1"})

    assert str(refused.value) == (
        "more.conf:3: no value for @unknown@; sip.conf:2: no value for @port@"
    )
    assert not (tmp_path / "etc").exists()


@pytest.mark.parametrize("sign", ["\n", "\r", "\0", "\t", "\x7f", ";"])
def test_a_value_that_could_end_its_line_is_refused_by_its_name(
    templates: Path, tmp_path: Path, sign: str
):
    values = {"host": f"127.0.0.1{sign}[evil]", "port": "5060"}

    with pytest.raises(PlatformError, match=r"^site value host: "):
        render(templates, tmp_path / "etc", values)
    assert not (tmp_path / "etc").exists()


@given(st.text())
def test_no_value_makes_a_second_line(tmp_path_factory: pytest.TempPathFactory, value: str):
    folder = tmp_path_factory.mktemp("render")
    (folder / "one.conf").write_text("key = @value@\n")
    try:
        render(folder, folder / "etc", {"value": value})
    except PlatformError:
        return
    written = (folder / "etc" / "one.conf").read_bytes().decode()
    assert written == f"key = {value}\n"


def test_a_value_is_not_searched_for_placeholders_again(templates: Path, tmp_path: Path):
    render(templates, tmp_path / "etc", {"host": "@port@", "port": "5060"})

    assert "bind = @port@:5060" in (tmp_path / "etc" / "sip.conf").read_text()


def test_only_files_whose_content_changed_are_written(templates: Path, tmp_path: Path):
    target = tmp_path / "etc"
    render(templates, target, {"host": "127.0.0.1", "port": "5060"})
    before = (target / "rtp.conf").stat()

    changed = render(templates, target, {"host": "127.0.0.1", "port": "5070"})

    assert changed == [target / "sip.conf"]
    assert (target / "rtp.conf").stat() == before


def test_what_is_written_is_for_its_owner_only(templates: Path, tmp_path: Path):
    render(templates, tmp_path / "etc", {"host": "127.0.0.1", "port": "5060"})

    assert stat.S_IMODE((tmp_path / "etc").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "etc" / "sip.conf").stat().st_mode) == 0o600

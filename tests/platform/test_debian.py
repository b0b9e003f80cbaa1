"""What goes wrong while programs are fetched is one sentence that says what to do; apt itself runs."""

import subprocess
from pathlib import Path

import pytest

from tests.ports import free_port
from zongji.platform import debian
from zongji.platform.debian import PACKAGES, Prefix, unpack
from zongji.platform.errors import PlatformError


@pytest.mark.parametrize(
    ("said", "explained"),
    [
        (
            "E: Write error - write (28: No space left on device)",
            "The disk that holds /somewhere is full: free about 1 GB there and start again.",
        ),
        (
            "E: You don't have enough free space in /x/archives/.",
            "The disk that holds /somewhere is full: free about 1 GB there and start again.",
        ),
        (
            "W: Failed to fetch http://m.invalid/x  Temporary failure resolving 'm.invalid'",
            "The package mirror of this machine cannot be reached: check the network, then start again.",
        ),
        (
            "Reading package lists...\nE: Unable to locate package asterisk\n",
            "Unpacking the system programs failed: E: Unable to locate package asterisk",
        ),
        ("", "Unpacking the system programs failed: no message"),
    ],
)
def test_what_apt_says_becomes_one_sentence(said: str, explained: str):
    assert debian._explain(said, Path("/somewhere")) == explained


def test_a_mirror_that_cannot_be_reached_leaves_nothing_half_done(tmp_path: Path):
    folder = tmp_path / "programs"

    with pytest.raises(
        PlatformError, match=r"^The package mirror of this machine cannot be reached"
    ):
        unpack(folder, lambda _: None, mirror=f"http://127.0.0.1:{free_port()}/debian")

    assert not folder.exists()


def test_a_second_start_takes_what_is_there(tmp_path: Path):
    told: list[str] = []
    folder = tmp_path / "programs"
    folder.mkdir()
    suite, _ = debian._suite()
    (folder / "zongji.stamp").write_text(f"{suite} {' '.join(PACKAGES)}\n")

    assert unpack(folder, told.append) == Prefix(folder)
    assert told == []


def test_other_packages_than_last_time_are_fetched(tmp_path: Path):
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "zongji.stamp").write_text("an older list\n")

    with pytest.raises(PlatformError):
        unpack(folder, lambda _: None, mirror=f"http://127.0.0.1:{free_port()}/debian")
    assert (folder / "zongji.stamp").exists()


def test_the_machine_s_own_archive_is_the_mirror(tmp_path: Path):
    assert debian._mirror(tmp_path, lambda _: None).startswith(
        ("http://", "https://", "file:", "mirror")
    )


def test_programs_run_with_the_libraries_they_came_with():
    from zongji.installation import Installation

    prefix = Installation().prefix
    said = subprocess.run(
        prefix.command("usr/sbin/asterisk", "-V"), capture_output=True, text=True, check=True
    ).stdout

    assert said.startswith("Asterisk 22.")

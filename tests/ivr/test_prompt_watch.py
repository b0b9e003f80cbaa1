"""Prompts that callers would not hear are named until their files are back."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ivr.menu import Menus
from ivr.prompt_watch import PromptWatch
from ivr.prompts import PromptLibrary, texts
from tests.ivr.line_files import TWO_MENUS, read_line
from tests.ivr.test_prompts import silence


@pytest.fixture
def menus() -> Menus:
    return read_line()[1]


@pytest.fixture
def library(tmp_path: Path, menus: Menus) -> PromptLibrary:
    """Every prompt is there."""
    found = PromptLibrary(tmp_path)
    for prompt in texts(menus):
        silence(found.file(prompt))
    return found


@pytest.fixture
def watch(library: PromptLibrary, menus: Menus) -> PromptWatch:
    return PromptWatch(library, lambda: menus)


async def test_prompts_that_are_all_there_are_nothing_to_tell_of(watch: PromptWatch) -> None:
    assert await watch.run_once() == 0
    assert watch.silent == ()


async def test_a_prompt_whose_file_is_deleted_is_named_until_it_is_back(
    watch: PromptWatch, library: PromptLibrary, menus: Menus
) -> None:
    await watch.run_once()
    menu = next(each for each in texts(menus) if each.key == "zh/menu_main")
    thanks = next(each for each in texts(menus) if each.key == "en/thank_you")
    with capture_logs() as told:
        for each in (menu, thanks):
            library.file(each).unlink()
        for _ in range(2):
            assert await watch.run_once() == 2
        assert watch.silent == ("en/thank_you", "zh/menu_main")
        for each in (menu, thanks):
            silence(library.file(each))
        assert await watch.run_once() == 0
    assert watch.silent == ()
    assert [each["event"] for each in told] == ["prompts_would_not_play", "prompts_play_again"]


async def test_a_recording_of_ones_own_that_would_not_play_is_named(
    watch: PromptWatch, tmp_path: Path
) -> None:
    await watch.run_once()
    own = tmp_path / "custom" / "zh" / "thank_you.wav"
    silence(own, rate=44100)
    assert await watch.run_once() == 1
    assert watch.silent == ("zh/thank_you",)
    own.unlink()
    assert await watch.run_once() == 0


async def test_only_what_the_line_of_now_says_is_looked_for(
    library: PromptLibrary, menus: Menus
) -> None:
    _, other = read_line(TWO_MENUS.replace("请按一", "请按壹"))
    live = [menus]
    watch = PromptWatch(library, lambda: live[0])
    assert await watch.run_once() == 0
    live[0] = other
    await watch.run_once()
    assert watch.silent
    live[0] = menus
    assert await watch.run_once() == 0

"""Prompts: spoken by the real speech programs, made once, replaced by recordings, checked."""

import wave
from pathlib import Path

import pytest

from ivr.menu import Menus, load_line
from ivr.prompts import MOST_SPOKEN_POSITION, PromptLibrary, position_prompt, texts
from ivr.tts import SpeechError, TextToSpeech
from zongji.installation import Installation

PREFIX = Installation().prefix


@pytest.fixture(scope="module")
def menus() -> Menus:
    return load_line(Path("asterisk-conf/line.yaml"))[1]


@pytest.fixture
def speech() -> TextToSpeech:
    return TextToSpeech(PREFIX.espeak(), PREFIX.command("usr/bin/sox"))


class Typewriter(TextToSpeech):
    """Speech that is over at once: silence as long as the text."""

    def speak(self, text: str, language: str, target: Path) -> None:
        record(target, seconds=len(text) / 1000)


@pytest.fixture
def quick() -> TextToSpeech:
    return Typewriter((), ())


def record(path: Path, *, rate: int = 8000, channels: int = 1, seconds: float = 0.1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(bytes(2 * channels * int(rate * seconds)))


def quiet(_: str) -> None:
    """Nobody watches."""


@pytest.mark.parametrize(("language", "text"), [("zh", "您前面还有三位客户。"), ("en", "Goodbye.")])
def test_a_text_becomes_telephone_sound(
    speech: TextToSpeech, tmp_path: Path, language: str, text: str
) -> None:
    target = tmp_path / "said.wav"
    speech.speak(text, "zh" if language == "zh" else "en", target)
    with wave.open(str(target)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 8000)
        samples = memoryview(sound.readframes(sound.getnframes())).cast("h")
    assert len(samples) > 4000
    assert max(samples) > 5000


def test_a_text_that_looks_like_an_option_is_only_spoken(
    speech: TextToSpeech, tmp_path: Path
) -> None:
    speech.speak("--version", "en", tmp_path / "said.wav")
    assert (tmp_path / "said.wav").exists()


def test_a_missing_speech_program_is_named(tmp_path: Path) -> None:
    absent = TextToSpeech([str(tmp_path / "espeak-ng")], ["sox"])
    with pytest.raises(SpeechError, match="espeak-ng cannot be started"):
        absent.speak("hello", "en", tmp_path / "said.wav")


def test_everything_that_may_be_said_has_a_text_in_both_languages(menus: Menus) -> None:
    said = {(prompt.language, prompt.name) for prompt in texts(menus)}
    names = {name for _, name in said}
    assert said == {(language, name) for language in ("zh", "en") for name in names}
    for position in (1, 2, MOST_SPOKEN_POSITION, MOST_SPOKEN_POSITION + 1, 1000):
        assert position_prompt(position) in names


def test_prompts_are_made_once_and_again_only_when_something_changed(
    menus: Menus, quick: TextToSpeech, tmp_path: Path
) -> None:
    library = PromptLibrary(tmp_path)
    assert library.compile(menus, quick, quiet) == len(list(texts(menus)))
    assert PromptLibrary(tmp_path).compile(menus, quick, quiet) == 0
    assert library.check(menus) == []

    (tmp_path / "zh" / "thank_you.wav").unlink()
    main = menus["main"]
    say = main.say.model_copy(update={"en": "Good day."})
    changed = Menus(by_name={**menus.by_name, "main": main.model_copy(update={"say": say})})
    told: list[str] = []
    assert library.compile(changed, quick, told.append) == 2
    assert told == ["prompt 1 of 2: zh thank_you", "prompt 2 of 2: en menu_main"]

    slower = Typewriter((), (), speed=120)
    assert library.compile(changed, slower, quiet) == len(list(texts(changed)))


def test_a_damaged_list_of_what_was_made_only_costs_making_it_again(
    menus: Menus, quick: TextToSpeech, tmp_path: Path
) -> None:
    library = PromptLibrary(tmp_path)
    library.compile(menus, quick, quiet)
    (tmp_path / "manifest.json").write_text("{")
    assert library.compile(menus, quick, quiet) == len(list(texts(menus)))


def test_a_recording_dropped_in_replaces_the_spoken_prompt(tmp_path: Path) -> None:
    library = PromptLibrary(tmp_path)
    assert library.path("thank_you", "zh") == str(tmp_path / "zh" / "thank_you")
    record(tmp_path / "custom" / "zh" / "thank_you.wav")
    assert library.path("thank_you", "zh") == str(tmp_path / "custom" / "zh" / "thank_you")
    assert library.path("thank_you", "en") == str(tmp_path / "en" / "thank_you")


def test_missing_prompts_are_found(menus: Menus, quick: TextToSpeech, tmp_path: Path) -> None:
    library = PromptLibrary(tmp_path)
    library.compile(menus, quick, quiet)
    (tmp_path / "en" / "menu_main.wav").unlink()
    assert library.check(menus) == ["en/menu_main: missing; run `zongji prompts build`"]


@pytest.mark.parametrize(
    ("name", "shape", "problem"),
    [
        ("thank_you", {"channels": 2}, "must be mono: mix it down to one channel"),
        ("thank_you", {"rate": 16000}, "must be 8000 Hz, not 16000 Hz"),
        ("thank_yuo", {}, "no prompt has this name, it is never played"),
    ],
)
def test_a_recording_that_would_not_play_is_found(
    menus: Menus,
    quick: TextToSpeech,
    tmp_path: Path,
    name: str,
    shape: dict[str, int],
    problem: str,
) -> None:
    library = PromptLibrary(tmp_path)
    library.compile(menus, quick, quiet)
    record(tmp_path / "custom" / "zh" / f"{name}.wav", **shape)
    assert library.check(menus) == [f"custom/zh/{name}.wav: {problem}"]


def test_a_recording_that_is_no_sound_at_all_is_found(
    menus: Menus, quick: TextToSpeech, tmp_path: Path
) -> None:
    library = PromptLibrary(tmp_path)
    library.compile(menus, quick, quiet)
    record(tmp_path / "custom" / "zh" / "thank_you.wav")
    (tmp_path / "custom" / "zh" / "thank_you.wav").write_text("not a sound")
    (problem,) = library.check(menus)
    assert problem.startswith("custom/zh/thank_you.wav: is not a WAV file")

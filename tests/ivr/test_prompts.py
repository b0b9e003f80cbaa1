"""Prompts made by the real espeak-ng and sox, replaced by recordings, and found missing before a call."""

import json
import wave
from pathlib import Path

import pytest

from ivr import prompts as prompts_module
from ivr.menu import Menus
from ivr.prompts import MOST_SPOKEN_POSITION, PromptLibrary, position_prompt, texts
from ivr.tts import SpeechError, TextToSpeech
from tests.ivr.line_files import TWO_MENUS, read_line
from zongji.cli.line import speech
from zongji.installation import Installation

MENU = """\
  main:
    say: {zh: 请按一。, en: "Press one."}
    keys:
      "1": {route: true}
"""


@pytest.fixture(scope="session")
def voice() -> TextToSpeech:
    return speech(Installation().prefix)


@pytest.fixture(scope="session")
def menus() -> Menus:
    return read_line(MENU)[1]


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory, voice: TextToSpeech, menus: Menus) -> Path:
    folder = tmp_path_factory.mktemp("prompts")
    PromptLibrary(folder).compile(menus, voice, lambda _: None)
    return folder


def silence(path: Path, *, rate: int = 8000, channels: int = 1, width: int = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(rate)
        sound.writeframes(bytes(width * channels * rate // 10))


def test_every_text_becomes_telephone_sound_in_both_languages(compiled: Path, menus: Menus):
    wanted = {f"{prompt.language}/{prompt.name}" for prompt in texts(menus)}
    made = {f"{path.parent.name}/{path.stem}" for path in compiled.glob("*/*.wav")}

    assert made == wanted
    for path in compiled.glob("*/*.wav"):
        with wave.open(str(path)) as sound:
            shape = (sound.getframerate(), sound.getnchannels(), sound.getsampwidth())
            assert shape == (8000, 1, 2), path
            assert sound.getnframes() > 2000, path


def test_what_was_said_is_heard_not_silence(compiled: Path):
    for path in compiled.glob("*/menu_main.wav"):
        with wave.open(str(path)) as sound:
            frames = sound.readframes(sound.getnframes())
        loudest = max(
            abs(int.from_bytes(frames[at : at + 2], "little", signed=True))
            for at in range(0, len(frames), 2)
        )
        assert loudest > 5000, path


def test_nothing_is_made_again_when_nothing_changed(
    compiled: Path, menus: Menus, voice: TextToSpeech
):
    told: list[str] = []

    assert PromptLibrary(compiled).compile(menus, voice, told.append) == 0
    assert told == []


def test_only_the_changed_text_is_made_again(
    tmp_path: Path, compiled: Path, menus: Menus, voice: TextToSpeech
):
    folder = _copied(compiled, tmp_path)
    _, changed = read_line(MENU.replace("Press one.", "Press one, please."))
    told: list[str] = []

    assert PromptLibrary(folder).compile(changed, voice, told.append) == 1
    assert told == ["prompt 1 of 1: en menu_main"]


def test_a_file_that_was_lost_is_made_again(
    tmp_path: Path, compiled: Path, menus: Menus, voice: TextToSpeech
):
    folder = _copied(compiled, tmp_path)
    (folder / "zh" / "thank_you.wav").unlink()

    assert PromptLibrary(folder).compile(menus, voice, lambda _: None) == 1
    assert (folder / "zh" / "thank_you.wav").exists()


def test_a_spoilt_list_of_what_was_made_is_made_anew(tmp_path: Path, compiled: Path, menus: Menus):
    folder = _copied(compiled, tmp_path)
    known = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text("{")
    silent = TextToSpeech(
        ["true"], ["sh", "-c", 'for last; do case $last in *.part.wav) : > "$last";; esac; done']
    )

    assert PromptLibrary(folder).compile(menus, silent, lambda _: None) == len(known)


def test_a_text_is_never_taken_for_an_option(tmp_path: Path, voice: TextToSpeech):
    target = tmp_path / "said.wav"

    voice.speak("--version; $(touch broken) `id`", "en", target)

    assert target.stat().st_size > 2000
    assert list(tmp_path.iterdir()) == [target]


def test_a_recording_dropped_in_replaces_the_spoken_text(tmp_path: Path, compiled: Path):
    folder = _copied(compiled, tmp_path)
    library = PromptLibrary(folder)
    assert library.path("menu_main", "zh") == str(folder / "zh" / "menu_main")

    silence(folder / "custom" / "zh" / "menu_main.wav")

    assert library.path("menu_main", "zh") == str(folder / "custom" / "zh" / "menu_main")
    assert library.path("menu_main", "en") == str(folder / "en" / "menu_main")


def test_what_is_complete_passes_the_check(tmp_path: Path, compiled: Path, menus: Menus):
    folder = _copied(compiled, tmp_path)
    silence(folder / "custom" / "zh" / "menu_main.wav")

    assert PromptLibrary(folder).check(menus) == []


def test_the_check_finds_a_missing_prompt_and_says_what_to_do(
    tmp_path: Path, compiled: Path, menus: Menus
):
    folder = _copied(compiled, tmp_path)
    (folder / "en" / "no_key.wav").unlink()

    assert PromptLibrary(folder).check(menus) == ["en/no_key: missing; run `zongji prompts build`"]


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ({"rate": 44100}, "must be 8000 Hz, not 44100 Hz"),
        ({"channels": 2}, "must be mono: mix it down to one channel"),
        ({"width": 1}, "must be 16-bit"),
    ],
)
def test_a_recording_that_would_not_play_is_refused_with_the_reason(
    tmp_path: Path, compiled: Path, menus: Menus, shape: dict[str, int], reason: str
):
    folder = _copied(compiled, tmp_path)
    silence(folder / "custom" / "zh" / "menu_main.wav", **shape)

    assert PromptLibrary(folder).check(menus) == [f"custom/zh/menu_main.wav: {reason}"]


@pytest.mark.parametrize("content", [b"", b"ID3 an mp3", b"RIFF\x00\x00\x00\x00WAVEfmt "])
def test_what_is_no_sound_file_is_refused(
    tmp_path: Path, compiled: Path, menus: Menus, content: bytes
):
    folder = _copied(compiled, tmp_path)
    recording = folder / "custom" / "en" / "menu_main.wav"
    recording.parent.mkdir(parents=True)
    recording.write_bytes(content)

    [problem] = PromptLibrary(folder).check(menus)
    assert problem.startswith("custom/en/menu_main.wav: is not a WAV file")


def test_a_recording_whose_name_is_misspelt_is_found(tmp_path: Path, compiled: Path, menus: Menus):
    folder = _copied(compiled, tmp_path)
    silence(folder / "custom" / "zh" / "menu_mian.wav")

    assert PromptLibrary(folder).check(menus) == [
        "custom/zh/menu_mian.wav: no prompt has this name, it is never played"
    ]


def test_a_speech_program_that_is_not_there_is_named(tmp_path: Path):
    missing = TextToSpeech([str(tmp_path / "espeak-ng")], ["sox"])

    with pytest.raises(SpeechError, match=r"^espeak-ng cannot be started"):
        missing.speak("hello", "en", tmp_path / "said.wav")


def test_what_a_failing_speech_program_said_is_passed_on(tmp_path: Path):
    failing = TextToSpeech(["true"], ["sh", "-c", "echo no such effect >&2; exit 2"])

    with pytest.raises(SpeechError, match=r"^sox: no such effect$"):
        failing.speak("hello", "en", tmp_path / "said.wav")
    assert not (tmp_path / "said.wav").exists()


def test_every_place_in_the_line_has_a_prompt():
    _, menus = read_line(TWO_MENUS)
    names = {prompt.name for prompt in texts(menus)}

    assert {position_prompt(position) for position in range(1, 1000)} <= names
    assert position_prompt(MOST_SPOKEN_POSITION + 1) == "position_many"


def test_every_shipped_text_is_written_in_both_languages():
    _, menus = read_line(TWO_MENUS)
    spoken = list(texts(menus))

    assert len({(prompt.name, prompt.language) for prompt in spoken}) == len(spoken)
    assert all(prompt.text.strip() for prompt in spoken)
    assert (Path(prompts_module.__file__).parent / "prompts.yaml").exists()


def _copied(compiled: Path, folder: Path) -> Path:
    """The compiled prompts in a folder of the test's own."""
    for path in compiled.rglob("*"):
        target = folder / path.relative_to(compiled)
        if path.is_dir():
            target.mkdir(exist_ok=True)
        else:
            target.write_bytes(path.read_bytes())
    return folder

"""Prompts made by the real espeak-ng and sox, replaced by recordings, and found missing before a call."""

import json
import wave
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from crm_core.errors import Invalid
from ivr import prompts as prompts_module
from ivr.menu import LANGUAGES, Menus
from ivr.prompts import MOST_SPOKEN_POSITION, PromptLibrary, position_prompt, texts
from ivr.spoken.speaker import vocabulary
from ivr.tts import SpeechError, TextToSpeech
from tests.ivr.line_files import TWO_MENUS, read_line
from zongji.cli.line import speech
from zongji.installation import Installation

JOINED = {name for language in LANGUAGES for name in vocabulary(language).values()}
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


def silence(
    path: Path, *, rate: int = 8000, channels: int = 1, width: int = 2, frames: int | None = None
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(rate)
        sound.writeframes(bytes(width * channels * (frames or rate // 10)))


def test_every_text_becomes_telephone_sound_in_both_languages(compiled: Path, menus: Menus):
    wanted = {prompt.place for prompt in texts(menus)}
    made = {str(path.relative_to(compiled).with_suffix("")) for path in compiled.rglob("*.wav")}

    assert made == wanted
    for path in compiled.rglob("*.wav"):
        with wave.open(str(path)) as sound:
            shape = (sound.getframerate(), sound.getnchannels(), sound.getsampwidth())
            assert shape == (8000, 1, 2), path
            assert sound.getnframes() > (500 if path.stem in JOINED else 2000), path


def test_what_was_said_is_heard_not_silence(compiled: Path):
    said = list(compiled.rglob("menu_main.wav"))
    assert len(said) == len(LANGUAGES)
    for path in said:
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


def test_a_recording_dropped_in_replaces_the_spoken_text(
    tmp_path: Path, compiled: Path, menus: Menus
):
    folder = _copied(compiled, tmp_path)
    library = PromptLibrary(folder)
    assert library.path("thank_you", "zh") == str(folder / "zh" / "thank_you")
    assert library.of_line(menus, "menu_main", "zh").startswith(str(folder / "zh" / "menus"))

    silence(folder / "custom" / "zh" / "menu_main.wav")
    silence(folder / "custom" / "zh" / "thank_you.wav")

    assert library.path("thank_you", "zh") == str(folder / "custom" / "zh" / "thank_you")
    assert library.of_line(menus, "menu_main", "zh") == str(folder / "custom" / "zh" / "menu_main")
    assert library.of_line(menus, "menu_main", "en").startswith(str(folder / "en" / "menus"))


async def test_a_prompt_whose_file_is_gone_is_spoken_again_and_told_once(
    tmp_path: Path, menus: Menus, voice: TextToSpeech
):
    library = PromptLibrary(tmp_path, voice)
    await library.prepare(menus)
    gone = Path(f"{library.of_line(menus, 'menu_main', 'zh')}.wav")

    with capture_logs() as told:
        for _ in range(2):
            gone.unlink()
            [path] = await library.playable(menus, ["menu_main"], "zh")
            assert Path(f"{path}.wav") == gone
            assert gone.exists()

    assert [(each["event"], each["prompts"]) for each in told] == [
        ("prompts_spoken_again", ["menu_main"])
    ]


async def test_a_prompt_that_cannot_be_had_keeps_nobody_waiting_and_is_told_once(
    tmp_path: Path, menus: Menus
):
    library = PromptLibrary(tmp_path)

    with capture_logs() as told:
        for _ in range(2):
            assert await library.playable(menus, ["menu_main"], "zh")

    assert [each["event"] for each in told] == ["prompts_gone"]


async def test_where_nothing_can_be_written_callers_are_taken_on_without_a_prompt(
    tmp_path: Path, menus: Menus, voice: TextToSpeech
):
    for language in LANGUAGES:
        (tmp_path / language).write_text("no folder")
    library = PromptLibrary(tmp_path, voice)

    assert await library.playable(menus, ["menu_main"], "zh")
    assert not await library.spoken("product_BJ-001", "白酒", "zh")
    with pytest.raises(Invalid, match="A prompt cannot be spoken"):
        await library.prepare(menus)


async def test_menus_are_spoken_before_they_go_live(
    tmp_path: Path, menus: Menus, voice: TextToSpeech
):
    library = PromptLibrary(tmp_path, voice)
    _, changed = read_line(MENU.replace("请按一。", "您好，请按一。"))

    await library.prepare(menus)
    await library.prepare(changed)

    said = [Path(f"{library.of_line(each, 'menu_main', 'zh')}.wav") for each in (menus, changed)]
    assert all(path.exists() for path in said)
    assert said[0].read_bytes() != said[1].read_bytes()
    with pytest.raises(Invalid, match="zongji prompts build"):
        await PromptLibrary(tmp_path / "new").prepare(menus)


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


async def test_a_name_is_spoken_when_it_is_needed_and_again_when_it_changed(
    tmp_path: Path, voice: TextToSpeech
):
    library = PromptLibrary(tmp_path, voice)
    said = tmp_path / "zh" / "product_BJ-001.wav"

    assert await library.spoken("product_BJ-001", "白酒", "zh")
    first = said.read_bytes()
    said.touch()
    assert await library.spoken("product_BJ-001", "白酒", "zh")
    assert said.read_bytes() == first
    assert await library.spoken("product_BJ-001", "五粮液白酒", "zh")
    assert said.read_bytes() != first


async def test_a_recording_of_a_name_is_played_instead_and_is_no_slip(
    tmp_path: Path, voice: TextToSpeech
):
    silence(tmp_path / "custom" / "zh" / "product_BJ-001.wav")
    library = PromptLibrary(tmp_path, voice)

    assert await library.spoken("product_BJ-001", "白酒", "zh")
    assert not (tmp_path / "zh").exists()
    assert not [p for p in library.check(read_line(MENU)[1]) if p.startswith("custom/")]


async def test_a_name_that_cannot_be_spoken_is_not_there(tmp_path: Path):
    missing = TextToSpeech([str(tmp_path / "espeak-ng")], ["sox"])

    assert not await PromptLibrary(tmp_path, missing).spoken("product_BJ-001", "白酒", "zh")
    assert not await PromptLibrary(tmp_path).spoken("product_BJ-001", "白酒", "zh")

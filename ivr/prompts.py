"""The prompts: texts become sound files once, and a recording dropped in replaces any of them.

Rule: what Asterisk plays is 16-bit mono WAV at 8 kHz. A prompt is made again only when its text
changed; a recording in `custom/<language>/<name>.wav` always wins and is refused when it would not
play. Missing ones are found here, before a caller finds them.
"""

import hashlib
import json
import wave
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from ivr.menu import LANGUAGES, Language, Menus
from ivr.tts import TextToSpeech
from ivr.walker import prompt_of

MOST_SPOKEN_POSITION = 20
_RATE = 8000

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text to be spoken."""

    name: str
    language: Language
    text: str


def texts(menus: Menus) -> Iterator[Prompt]:
    """Everything the line may say."""
    shipped = yaml.safe_load((Path(__file__).parent / "prompts.yaml").read_text(encoding="utf-8"))
    for language in LANGUAGES:
        for name, said in shipped.items():
            yield Prompt(name, language, said[language])
        for name, menu in menus.by_name.items():
            yield Prompt(prompt_of(name), language, getattr(menu.say, language))
        for position in range(1, MOST_SPOKEN_POSITION + 1):
            yield Prompt(position_prompt(position), language, _position(position, language))


def position_prompt(position: int) -> str:
    """The prompt that tells a place in the line; 1 is the next to be served."""
    return f"position_{position}" if position <= MOST_SPOKEN_POSITION else "position_many"


def _position(position: int, language: Language) -> str:
    if language == "zh":
        return "下一位就是您。" if position == 1 else f"您前面还有{position - 1}位客户在等待。"
    if position == 1:
        return "You are next."
    return f"There {'is' if position == 2 else 'are'} {position - 1} before you."  # noqa: PLR2004


class PromptLibrary:
    """The prompts of one installation, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str, language: Language) -> str:
        """What STREAM FILE plays: the file without its ending."""
        custom = self._folder / "custom" / language / name
        made = self._folder / language / name
        return str(custom if custom.with_suffix(".wav").exists() else made)

    def compile(self, menus: Menus, speech: TextToSpeech, tell: Tell) -> int:
        """Speak every text that is new or changed; returns how many. Raises SpeechError."""
        known = self._manifest()
        wanted = list(texts(menus))
        changed = [prompt for prompt in wanted if not self._made(prompt, known, speech.voice)]
        for number, prompt in enumerate(changed, 1):
            tell(f"prompt {number} of {len(changed)}: {prompt.language} {prompt.name}")
            target = self._folder / prompt.language / f"{prompt.name}.wav"
            target.parent.mkdir(parents=True, exist_ok=True)
            speech.speak(prompt.text, prompt.language, target)
            known[_key(prompt)] = _digest(prompt, speech.voice)
            if number % 20 == 0 or number == len(changed):
                self._remember(known)
        return len(changed)

    def check(self, menus: Menus) -> list[str]:
        """What would not play, each with what to do; empty when all is well."""
        problems = [
            f"{prompt.language}/{prompt.name}: missing; run `zongji prompts build`"
            for prompt in texts(menus)
            if not Path(self.path(prompt.name, prompt.language) + ".wav").exists()
        ]
        names = {_key(prompt) for prompt in texts(menus)}
        for recording in sorted((self._folder / "custom").glob("*/*.wav")):
            key = f"{recording.parent.name}/{recording.stem}"
            if key not in names:
                problems.append(f"custom/{key}.wav: no prompt has this name, it is never played")
            problems += [f"custom/{key}.wav: {why}" for why in _bad(recording)]
        return problems

    def _manifest(self) -> dict[str, str]:
        try:
            known: dict[str, str] = json.loads((self._folder / "manifest.json").read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return known

    def _remember(self, known: Mapping[str, str]) -> None:
        part = self._folder / "manifest.part"
        part.write_text(json.dumps(known, indent=1))
        part.replace(self._folder / "manifest.json")

    def _made(self, prompt: Prompt, known: Mapping[str, str], voice: str) -> bool:
        target = self._folder / prompt.language / f"{prompt.name}.wav"
        return target.exists() and known.get(_key(prompt)) == _digest(prompt, voice)


def _key(prompt: Prompt) -> str:
    return f"{prompt.language}/{prompt.name}"


def _digest(prompt: Prompt, voice: str) -> str:
    return hashlib.sha256(f"{voice}\0{prompt.text}".encode()).hexdigest()


def _bad(recording: Path) -> Iterator[str]:
    """Why Asterisk would not play a recording."""
    try:
        with wave.open(str(recording)) as sound:
            if sound.getnchannels() != 1:
                yield "must be mono: mix it down to one channel"
            if sound.getsampwidth() != 2:  # noqa: PLR2004
                yield "must be 16-bit"
            if sound.getframerate() != _RATE:
                yield f"must be 8000 Hz, not {sound.getframerate()} Hz"
    except (wave.Error, EOFError) as error:
        yield f"is not a WAV file: {error}"

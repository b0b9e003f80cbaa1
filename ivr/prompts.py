"""The prompts: texts become sound files once, and a recording dropped in replaces any of them.

Rule: what Asterisk plays is 16-bit mono WAV at 8 kHz. A prompt is made again only when its text
changed; a recording in `custom/<language>/<name>.wav` always wins and is refused when it would not
play. Missing ones are found here, before a caller finds them.
"""

import asyncio
import hashlib
import json
import os
import wave
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import structlog
import yaml

from crm_core.errors import Invalid
from ivr.menu import LANGUAGES, Language, Menus, question_of
from ivr.said import Say
from ivr.spoken.speaker import vocabulary
from ivr.survey_plan import QuestionPlan, SurveyPlan
from ivr.tts import SpeechError, TextToSpeech
from orders.sales.flow import LABELS

log = structlog.get_logger(__name__)

MOST_SPOKEN_POSITION = 20
NAMED = ("product_", "category_", "notice_")  # names and notices are spoken when they are needed
_RATE = 8000

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text to be spoken; one that is `joined` is a piece of a figure, one `of_line` is kept by its text, so that calls
    inside go on hearing theirs when the line changes.
    """

    name: str
    language: Language
    text: str
    joined: bool = False
    of_line: bool = False

    @property
    def key(self) -> str:
        """What people call it."""
        return f"{self.language}/{self.name}"

    @property
    def place(self) -> str:
        """Where it lies in the folder of prompts, without its ending."""
        if not self.of_line:
            return self.key
        return f"{self.language}/menus/{_mark(self.text)}/{self.name}"


def texts(menus: Menus) -> Iterator[Prompt]:
    """Everything the line may say."""
    yield from of_line(menus)
    shipped = yaml.safe_load((Path(__file__).parent / "prompts.yaml").read_text(encoding="utf-8"))
    for language in LANGUAGES:
        for name, said in shipped.items():
            yield Prompt(name, language, said[language])
        for position in range(1, MOST_SPOKEN_POSITION + 1):
            yield Prompt(position_prompt(position), language, _position(position, language))
        for piece, name in vocabulary(language).items():
            yield Prompt(name, language, piece, joined=True)
        for status, (zh, en) in LABELS.items():
            said = f"目前状态：{zh}。" if language == "zh" else f"is {en}."
            yield Prompt(f"status_{status}", language, said)


def of_line(menus: Menus) -> Iterator[Prompt]:
    """What is worded in the line file."""
    for language in LANGUAGES:
        yield from (_of_line(name, say, language) for name, say in menus.said.items())


def _of_line(name: str, say: Say, language: Language) -> Prompt:
    return Prompt(name, language, getattr(say, language), of_line=True)


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

    def __init__(self, folder: Path, speech: TextToSpeech | None = None) -> None:
        """`speech` speaks what becomes known only during calls."""
        self._folder = folder
        self._speech = speech
        self._speaking = asyncio.Lock()
        self._told: set[tuple[Language, str]] = set()

    def path(self, name: str, language: Language) -> str:
        """What STREAM FILE plays: the file without its ending."""
        return self._played(name, language, f"{language}/{name}")

    def of_line(self, menus: Menus, name: str, language: Language) -> str:
        """What is played of a menu or an announcement, as this version of the line words it."""
        return self._played(name, language, _of_line(name, menus.said[name], language).place)

    def file(self, prompt: Prompt) -> Path:
        """What is played of it, a recording or the spoken text."""
        return Path(f"{self._played(prompt.name, prompt.language, prompt.place)}.wav")

    def question(self, survey: SurveyPlan, question: QuestionPlan, language: Language) -> str:
        """What is played of a survey's question, as it is worded now."""
        name = question_of(survey, question)
        return self._played(name, language, _of_line(name, question.say, language).place)

    async def playable(self, menus: Menus, names: Iterable[str], language: Language) -> list[str]:
        """The prompts of a walk, to be played. A text of the line whose file is gone is spoken again first; of one that
        cannot be had Asterisk plays nothing, and the caller is taken on.
        """
        paths = {
            name: self.of_line(menus, name, language)
            if name in menus.said
            else self.path(name, language)
            for name in names
        }
        gone = [name for name, path in paths.items() if not _there(path)]
        if gone:
            await self._speak_again(menus, gone, language)
        return list(paths.values())

    async def _speak_again(self, menus: Menus, gone: Sequence[str], language: Language) -> None:
        """Tells of each prompt once."""
        new = [name for name in gone if (language, name) not in self._told]
        self._told.update((language, name) for name in new)
        try:
            await self.prepare(menus)
        except Invalid as error:
            if new:
                log.error("prompts_gone", language=language, prompts=new, error=error.message)  # noqa: TRY400
            return
        if new:
            log.warning("prompts_spoken_again", language=language, prompts=new)

    def _played(self, name: str, language: Language, place: str) -> str:
        custom = f"{self._folder}/custom/{language}/{name}"
        return custom if _there(custom) else f"{self._folder}/{place}"

    async def prepare(self, menus: Menus) -> None:
        """Speak what the line says, before they go live. Raises Invalid when it cannot be spoken."""
        async with self._speaking:
            try:
                await asyncio.to_thread(self._speak_missing, menus)
            except (SpeechError, OSError) as error:
                raise Invalid(f"A prompt cannot be spoken: {error}") from error

    def _speak_missing(self, menus: Menus) -> None:
        for prompt in of_line(menus):
            target = self.file(prompt)
            if target.exists():
                continue
            if self._speech is None:
                raise SpeechError("there is nothing here that speaks: run `zongji prompts build`")
            target.parent.mkdir(parents=True, exist_ok=True)
            self._speech.speak(prompt.text, prompt.language, target)

    async def spoken(self, name: str, text: str, language: Language) -> bool:
        """Have a text that changes with the data, such as a product's name, under a name; False when it cannot be
        spoken.
        """
        prompt = Prompt(name, language, text)
        async with self._speaking:
            try:
                return await asyncio.to_thread(self._speak_named, prompt)
            except (SpeechError, OSError) as error:
                log.warning("name_not_spoken", name=name, error=str(error))
                return False

    def _speak_named(self, prompt: Prompt) -> bool:
        target = self._folder / prompt.language / f"{prompt.name}.wav"
        written = target.with_suffix(".txt")
        custom = self._folder / "custom" / prompt.language / target.name
        if custom.exists() or (_text(written) == prompt.text and target.exists()):
            return True
        if self._speech is None:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        self._speech.speak(prompt.text, prompt.language, target)
        written.write_text(prompt.text, encoding="utf-8")
        return True

    def compile(self, menus: Menus, speech: TextToSpeech, tell: Tell) -> int:
        """Speak every text that is new or changed; returns how many. Raises SpeechError."""
        known = self._manifest()
        wanted = list(texts(menus))
        changed = [prompt for prompt in wanted if not self._made(prompt, known, speech.voice)]
        for prompt in changed:
            (self._folder / prompt.place).parent.mkdir(parents=True, exist_ok=True)

        def speak(prompt: Prompt) -> Prompt:
            target = self._folder / f"{prompt.place}.wav"
            speech.speak(prompt.text, prompt.language, target, joined=prompt.joined)
            return prompt

        with ThreadPoolExecutor(os.cpu_count()) as speaking:
            for number, prompt in enumerate(speaking.map(speak, changed), 1):
                tell(f"prompt {number} of {len(changed)}: {prompt.language} {prompt.name}")
                known[prompt.place] = _digest(prompt, speech.voice)
                if number % 20 == 0 or number == len(changed):
                    self._remember(known)
        return len(changed)

    def check(self, menus: Menus) -> list[str]:
        """What would not play, each with what to do; empty when all is well."""
        problems = [
            f"{prompt.key}: missing; run `zongji prompts build`"
            for prompt in texts(menus)
            if not self.file(prompt).exists()
        ]
        names = {prompt.key for prompt in texts(menus)}
        for recording in sorted((self._folder / "custom").glob("*/*.wav")):
            key = f"{recording.parent.name}/{recording.stem}"
            if key not in names and not recording.stem.startswith(NAMED):
                problems.append(f"custom/{key}.wav: no prompt has this name, it is never played")
            problems += [f"custom/{key}.wav: {why}" for why in faults_of(recording)]
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
        target = self._folder / f"{prompt.place}.wav"
        return target.exists() and known.get(prompt.place) == _digest(prompt, voice)


@lru_cache(maxsize=1_000)
def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _there(path: str) -> bool:
    return os.path.exists(f"{path}.wav")  # noqa: PTH110 - asked for each prompt of each call


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _digest(prompt: Prompt, voice: str) -> str:
    how = " joined" if prompt.joined else ""
    return hashlib.sha256(f"{voice}{how}\0{prompt.text}".encode()).hexdigest()


def faults_of(recording: Path) -> Iterator[str]:
    """Why Asterisk would not play a recording. Raises OSError."""
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

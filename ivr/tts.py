"""Text to speech by espeak-ng, brought to telephone sound by sox. Rule: texts are passed on standard
input, never as options.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ivr.menu import Language

_VOICES: dict[Language, str] = {"zh": "cmn", "en": "en-gb"}


class SpeechError(Exception):
    """A text could not be spoken; the message says which program said what."""


@dataclass(frozen=True)
class TextToSpeech:
    """`espeak` and `sox` are the commands that run them; `speed` is in words per minute."""

    espeak: Sequence[str]
    sox: Sequence[str]
    speed: int = 165

    @property
    def voice(self) -> str:
        """What a spoken prompt depends on besides its text."""
        return f"espeak-ng {_VOICES} {self.speed}"

    def speak(self, text: str, language: Language, target: Path, *, joined: bool = False) -> None:
        """Write `text` as a 16-bit mono WAV at 8 kHz; what is `joined` to others has hardly a pause around it.

        Raises SpeechError.
        """
        voice = ["-v", _VOICES[language], "-s", str(self.speed), "--stdin", "--stdout"]
        sound = _run("espeak-ng", [*self.espeak, *voice], text.encode())
        part = target.with_suffix(".part.wav")
        shape = ["-r", "8000", "-c", "1", "-b", "16", str(part)]
        pause = ("0.01", "0.03") if joined else ("0.1", "0.2")
        ends = ["norm", "-4", "silence", "1", "0.05", "0.5%", "reverse"]
        trim = [*ends, "silence", "1", "0.05", "0.5%", "reverse", "pad", *pause]
        _run("sox", [*self.sox, "-t", "wav", "--ignore-length", "-", *shape, *trim], sound)
        part.replace(target)


def _run(program: str, command: Sequence[str], data: bytes) -> bytes:
    try:
        done = subprocess.run(command, input=data, capture_output=True, check=False)
    except OSError as error:
        raise SpeechError(f"{program} cannot be started: {error}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise SpeechError(f"{program}: {said}")
    return done.stdout

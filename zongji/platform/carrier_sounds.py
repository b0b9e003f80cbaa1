"""What the simulated carrier says: the announcements of its far ends, spoken once.

Rule: a sound that is there is left alone, so a real recording may be put in its place.
"""

from pathlib import Path

from ivr.tts import SpeechError, TextToSpeech
from zongji.platform.debian import Prefix
from zongji.platform.errors import PlatformError

_TEXTS = {
    "machine": "您好，我现在不方便接听电话，请在滴声之后留言。",
    "invalid": "对不起，您所拨打的号码是空号，请核对后再拨。",
    "off": "对不起，您所拨打的电话已关机，请稍后再拨。",
}


def speak(prefix: Prefix, folder: Path) -> None:
    """Make what is missing in `folder`. Raises PlatformError."""
    speech = TextToSpeech(prefix.espeak(), prefix.command("usr/bin/sox"))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in _TEXTS.items():
        target = folder / f"{name}.wav"
        if target.exists():
            continue
        try:
            speech.speak(text, "zh", target)
        except SpeechError as error:
            raise PlatformError(f"The carrier's announcements cannot be spoken: {error}") from error

"""What a recording holds."""

import array
import wave
from collections.abc import Sequence
from pathlib import Path

_FRAME = 160
"""Bytes of a fiftieth of a second of A-law, as trunks carry it."""
_A_SECOND = 50
"""Frames."""
_SPEECH = 24
"""So many different bytes in a frame are no silence."""


def is_heard(prompts: Sequence[bytes], recording: bytes) -> bool:
    """Whether a recording holds these prompts, one after the other. All are A-law, which telephony leaves as it is; of a
    prompt nearly all must be there, for a loaded machine may lose a frame.
    """
    at = 0
    for prompt in prompts:
        frames = _frames(prompt)
        spoken = [frame for frame in frames if _is_speech(frame)]
        found = [place for place in (recording.find(each, at) for each in spoken) if place >= 0]
        if not spoken or len(found) < len(spoken) * 0.9:
            return False
        at = max(found)
    return True


def spoken_s(recording: bytes) -> float:
    """For how long somebody speaks in A-law."""
    return sum(map(_is_speech, _frames(recording))) / _A_SECOND


def _frames(recording: bytes) -> list[bytes]:
    return [recording[start : start + _FRAME] for start in range(0, len(recording), _FRAME)]


def _is_speech(frame: bytes) -> bool:
    return len(set(frame)) >= _SPEECH


def loudest(path: Path) -> list[int]:
    """The highest sample of each channel."""
    with wave.open(str(path)) as sound:
        assert sound.getsampwidth() == 2
        samples = array.array("h", sound.readframes(sound.getnframes()))
        channels = sound.getnchannels()
    return [max(samples[channel::channels], default=0) for channel in range(channels)]

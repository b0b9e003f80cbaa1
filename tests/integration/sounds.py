"""What a recording holds."""

import array
import wave
from pathlib import Path


def loudest(path: Path) -> list[int]:
    """The highest sample of each channel."""
    with wave.open(str(path)) as sound:
        assert sound.getsampwidth() == 2
        samples = array.array("h", sound.readframes(sound.getnframes()))
        channels = sound.getnchannels()
    return [max(samples[channel::channels], default=0) for channel in range(channels)]

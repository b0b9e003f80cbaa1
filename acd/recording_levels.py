"""How loud each side of a recording is, for whoever draws it. Rule: the whole sound is read, never held."""

import array
import sys

from acd.recordings import HEADER
from crm_core.sealed_files import FileReader

_FULL = 32_768
_BYTES = 4  # a sample of both sides


def levels(sound: FileReader, points: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The loudest sample of caller and agent in each of at most so many equal parts, from 0 to 1. Blocking.

    Raises OSError, FileDamaged.
    """
    frames = max(0, sound.size - HEADER) // _BYTES
    count = min(points, frames)
    caller, agent = [], []
    for part in range(count):
        first, last = frames * part // count, frames * (part + 1) // count
        samples = array.array("h", sound.read(HEADER + first * _BYTES, (last - first) * _BYTES))
        if sys.byteorder == "big":
            samples.byteswap()
        caller.append(_loudest(samples[0::2]))
        agent.append(_loudest(samples[1::2]))
    return tuple(caller), tuple(agent)


def _loudest(samples: "array.array[int]") -> float:
    return round(max(max(samples, default=0), -min(samples, default=0)) / _FULL, 3)

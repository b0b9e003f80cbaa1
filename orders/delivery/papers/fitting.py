"""Text in a box. Rule: pure; it is broken and made smaller until it fits, and no sign of it is left out."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

LEADING = 1.18
_SMALLER = 0.93
# A word of Latin letters or figures is broken only when it is longer than a line, and no line begins with the
# sign that ends a clause.
_ENDS = "、，。；：！？）》」』”"
_PIECES = re.compile(rf"[!-~]+|\s+|[^\s!-~][{_ENDS}]*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fitted:
    size: float
    lines: tuple[str, ...]


def fit(
    text: str, width: float, height: float, size: float, measure: Callable[[str, float], float]
) -> Fitted:
    """In lines of at most `width`, together at most `height`, in at most this size; `measure` gives a text's
    width in a size. All lengths are in points.
    """
    while True:
        lines = broken(text, width, partial(_at, measure, size))
        widest = max((measure(line, size) for line in lines), default=0)
        if len(lines) * size * LEADING <= height and widest <= width:
            return Fitted(size, tuple(lines))
        size *= _SMALLER


def _at(measure: Callable[[str, float], float], size: float, text: str) -> float:
    return measure(text, size)


def broken(text: str, width: float, measure: Callable[[str], float]) -> Sequence[str]:
    """The lines; spaces at a break are dropped."""
    lines: list[str] = []
    line = ""
    for piece in _PIECES.findall(text):
        if measure(line + piece) <= width:
            line += piece
        elif piece.isspace():
            lines, line = [*lines, line], ""
        elif measure(piece) <= width:
            lines, line = [*lines, line.rstrip()], piece
        else:
            for sign in piece:
                if line and measure(line + sign) > width:
                    lines, line = [*lines, line], ""
                line += sign
    return [each for each in (*lines, line.rstrip()) if each]

"""The fonts of papers. Rule: a character is drawn in the first font that has it; one that none has is written
as its number, [U+1F600], so that nothing is lost unseen; a font is read when it is first needed.

ReportLab embeds fonts with TrueType outlines only (not Noto CJK, whose outlines are PostScript's). Without such
a font papers are set in STSong-Light, which is not embedded: the printer or reader must have it.
"""

import re
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Protocol

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont

FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
_MAIN = ("wqy-zenhei.ttc", "wqy-microhei.ttc", "DroidSansFallbackFull.ttf", "uming.ttc")
_RARE = ("HanaMinA.ttf", "HanaMinB.ttf")
_FALLBACK = "STSong-Light"
_BEYOND = re.compile(rb"<([0-9A-F]{5,6})>")
_lock = threading.Lock()


class Font(Protocol):
    name: str

    def has(self, sign: str) -> bool: ...


class _TrueType(TTFont):  # type: ignore[misc]
    """A font whose text can be read out of the PDF also beyond U+FFFF, which must be written as UTF-16."""

    def addObjects(self, doc: Any) -> None:  # noqa: N802
        super().addObjects(doc)
        for name, made in doc.idToObject.items():
            if name.startswith("toUnicodeCMap:") and hasattr(made, "content"):
                content = made.content
                raw = content if isinstance(content, bytes) else content.encode("ascii")
                made.content = _BEYOND.sub(_utf16, raw).decode("ascii")


def _utf16(found: re.Match[bytes]) -> bytes:
    pair = chr(int(found[1], 16)).encode("utf-16-be").hex().upper()
    return b"<" + pair.encode("ascii") + b">"


class _Embedded:
    """A file, registered by the name of the file."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self._font = _TrueType(self.name, str(path), subfontIndex=0)
        pdfmetrics.registerFont(self._font)

    def has(self, sign: str) -> bool:
        return ord(sign) in self._font.face.charToGlyph


class _NotEmbedded:
    """What every reader of Chinese PDF files is supposed to have."""

    name = _FALLBACK

    def __init__(self) -> None:
        pdfmetrics.registerFont(UnicodeCIDFont(_FALLBACK))

    def has(self, sign: str) -> bool:
        try:
            return len(sign.encode("gbk")) <= len("中".encode("gbk"))
        except UnicodeEncodeError:
            return False


class Fonts:
    """A main font, and those that are asked for rare characters."""

    def __init__(self, main: Path | None, rare: Sequence[Path] = ()) -> None:
        with _lock:
            self._main: Font = _NotEmbedded() if main is None else _embedded(main)
        self._rare = tuple(rare)
        self.of = lru_cache(maxsize=20_000)(self._of)

    @property
    def embedded(self) -> bool:
        return not isinstance(self._main, _NotEmbedded)

    @property
    def name(self) -> str:
        return self._main.name

    @property
    def rare(self) -> bool:
        """Whether characters are found that few fonts have."""
        return bool(self._rare)

    def shown(self, text: str) -> str:
        """The text as it can be drawn: what no font has as its number, and no signs without a shape."""
        return "".join(self._shown(sign) for sign in unicodedata.normalize("NFC", text))

    def runs(self, text: str) -> Iterator[tuple[str, str]]:
        """The text in pieces, each with the name of its font."""
        begun, name = 0, ""
        for place, sign in enumerate(text):
            wanted = self.of(sign) or self._main.name
            if wanted != name:
                if place:
                    yield name, text[begun:place]
                begun, name = place, wanted
        if text:
            yield name, text[begun:]

    def width(self, text: str, size: float) -> float:
        return float(
            sum(pdfmetrics.stringWidth(part, name, size) for name, part in self.runs(text))
        )

    def _shown(self, sign: str) -> str:
        if sign.isspace():
            return " "
        if unicodedata.category(sign) in ("Cf", "Cc") or "\ufe00" <= sign <= "\ufe0f":
            return ""
        return sign if self.of(sign) else f"[U+{ord(sign):04X}]"

    def _of(self, sign: str) -> str | None:
        """The name of the first font that has it."""
        if self._main.has(sign):
            return self._main.name
        with _lock:
            return next((f.name for f in map(_embedded, self._rare) if f.has(sign)), None)


@cache
def _embedded(path: Path) -> _Embedded:
    return _Embedded(path)


@cache
def found(own: Path | None = None) -> Fonts:
    """The fonts of this machine; `own` is one that the settings name. Read once: it takes a second."""
    files = {path.name: path for folder in FOLDERS for path in folder.rglob("*.tt?")}
    rare = [files[name] for name in _RARE if name in files]
    for main in (own, *(files[name] for name in _MAIN if name in files)):
        if main is not None:
            try:
                return Fonts(main, rare)
            except (TTFError, OSError):
                continue
    return Fonts(None, rare)

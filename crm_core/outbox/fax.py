"""A message as a fax: one sheet or more, drawn as fax machines read them (TIFF, Group 4, 204 × 196 dots an inch).

Rule: what is sent is black on white in a font that has the signs of the message; without such a font there is no
fax. The last sheet ends with its text, because a line costs the same time whether something stands on it or not.
"""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from crm_core.outbox.ports import NEVER, FaxLine, Message
from crm_core.outbox.wording import WordBook, Wording

WIDTH, HEIGHT = 1728, 2200
_MARGIN, _BODY, _TITLE = 120, 40, 60
_LINE_HEIGHT = 1.5
DOTS = (204, 196)
_Font = ImageFont.FreeTypeFont


class FaxNotifier:
    channel = "fax"
    removes_doubles_within = NEVER

    def __init__(self, line: FaxLine, words: WordBook, *, font: Path, folder: Path) -> None:
        """`folder` is where the sheets lie while they are sent; Asterisk must be able to read it."""
        self._line = line
        self._words = words
        self._font = font
        self._folder = folder

    async def send(self, message: Message) -> str:
        """Returns what the line says of the fax. Raises NotSent, NotNow, MaybeSent."""
        words = await self._words.of(message, self.channel)
        self._folder.mkdir(parents=True, exist_ok=True)
        document = self._folder / f"{message.token}.tif"
        try:
            await asyncio.to_thread(draw, words, self._font, document)
            return await self._line.fax(message.token, message.recipient, document)
        finally:
            document.unlink(missing_ok=True)


def draw(words: Wording, font: Path, target: Path) -> int:
    """Write the message as a document of as many sheets as it needs; how many."""
    title = ImageFont.truetype(font, _TITLE)
    body = ImageFont.truetype(font, _BODY)
    lines = [(title, line) for line in _wrapped(words.subject, title)]
    lines.append((body, ""))
    for paragraph in words.body.splitlines():
        lines += [(body, line) for line in _wrapped(paragraph, body)]
    sheets = list(_sheets(lines))
    first, *more = sheets
    first.save(
        target,
        format="TIFF",
        compression="group4",
        dpi=DOTS,
        save_all=True,
        append_images=more,
    )
    return len(sheets)


def _wrapped(text: str, font: _Font) -> Iterator[str]:
    """Broken where the sheet ends: Chinese anywhere, words of letters and digits as a whole where they fit."""
    line = ""
    for word in _words(text):
        if line and font.getlength(line + word) > WIDTH - 2 * _MARGIN:
            yield line
            line = word.lstrip()
        else:
            line += word
        while font.getlength(line) > WIDTH - 2 * _MARGIN:
            kept = next(
                n
                for n in range(len(line), 0, -1)
                if font.getlength(line[:n]) <= WIDTH - 2 * _MARGIN
            )
            yield line[:kept]
            line = line[kept:]
    yield line


def _words(text: str) -> Iterator[str]:
    word = ""
    for sign in text:
        if sign.isascii() and not sign.isspace():
            word += sign
            continue
        if word:
            yield word
        yield sign
        word = ""
    if word:
        yield word


def _sheets(lines: Sequence[tuple[_Font, str]]) -> Iterator[Image.Image]:
    sheet, pen = _sheet()
    y = float(_MARGIN)
    for font, line in lines:
        height = font.size * _LINE_HEIGHT
        if y + height > HEIGHT - _MARGIN:
            yield sheet
            sheet, pen = _sheet()
            y = float(_MARGIN)
        pen.text((_MARGIN, y), line, font=font, fill=0)
        y += height
    yield sheet.crop((0, 0, WIDTH, min(int(y) + _MARGIN, HEIGHT)))


def _sheet() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    sheet = Image.new("1", (WIDTH, HEIGHT), 1)
    return sheet, ImageDraw.Draw(sheet)

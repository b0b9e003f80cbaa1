"""Sheets of a fax: read as they came (TIFF), shown as PDF. Blocking: for threads."""

import io
from pathlib import Path

from PIL import Image, ImageSequence, UnidentifiedImageError

Image.MAX_IMAGE_PIXELS = 300_000_000
_PDF_DOTS = 200


def pages_in(document: Path) -> int:
    """How many sheets can be read; 0 when none can, or there is no such file."""
    try:
        with Image.open(document) as image:
            return sum(1 for _ in ImageSequence.Iterator(image))
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError):
        return 0


def as_pdf(document: Path) -> bytes:
    """Every sheet, with dots as high as they are wide: coarse faxes have lines twice as far apart. Raises OSError."""
    with Image.open(document) as image:
        sheets = [_square(sheet.copy()) for sheet in ImageSequence.Iterator(image)]
    out = io.BytesIO()
    first, *more = sheets
    first.save(out, format="PDF", save_all=True, append_images=more, resolution=_PDF_DOTS)
    return out.getvalue()


def _square(sheet: Image.Image) -> Image.Image:
    across, down = sheet.info.get("dpi", (_PDF_DOTS, _PDF_DOTS))
    if not across or not down:
        return sheet
    high = max(round(sheet.height * float(across) / float(down)), 1)
    return sheet if high == sheet.height else sheet.resize((sheet.width, high))

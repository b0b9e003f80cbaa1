"""What stands in a file that the server answers, as text. Rule: without spaces and breaks, which papers put anywhere."""

from io import BytesIO

from pypdf import PdfReader
from python_calamine import CalamineWorkbook


def text_of(raw: bytes) -> str:
    """Of PDF, Excel, or a text in UTF-8 or GBK."""
    if raw.startswith(b"%PDF"):
        text = "".join(page.extract_text() for page in PdfReader(BytesIO(raw)).pages)
    elif raw.startswith(b"PK"):
        rows = CalamineWorkbook.from_filelike(BytesIO(raw)).get_sheet_by_index(0).to_python()
        text = "|".join(str(cell) for row in rows for cell in row)
    else:
        text = _decoded(raw)
    return "".join(text.split())


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("gbk", errors="replace")

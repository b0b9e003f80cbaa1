"""The sheets of a fax."""

from pathlib import Path

import reportlab
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFont

from crm_core.outbox.fax import HEIGHT, WIDTH, FaxNotifier, _wrapped, draw
from crm_core.outbox.ports import Message
from crm_core.outbox.wording import WordBook, Wording
from orders.sales.wording import ORDER_WORDS

FONT = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
LETTERS = ImageFont.truetype(FONT, 40)


class Line:
    """Looks at the document while it is sent."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, tuple[int, int], int]] = []

    async def fax(self, token: str, number: str, page: Path) -> str:
        with Image.open(page) as sheet:
            self.seen.append((number, sheet.size, sheet.n_frames))
        return "faxed"


async def test_a_message_is_one_short_sheet_that_is_gone_afterwards(tmp_path):
    line = Line()
    book = WordBook(ORDER_WORDS, "Zongji")
    notifier = FaxNotifier(line, book, font=FONT, folder=tmp_path / "sheets")
    params = {"number": "1", "total": "2.00"}
    assert await notifier.send(Message("t", "order_placed", "02223456789", "en", params)) == "faxed"
    ((number, (width, height), sheets),) = line.seen
    assert (number, width, sheets) == ("02223456789", WIDTH, 1)
    assert height < HEIGHT / 2
    assert list((tmp_path / "sheets").iterdir()) == []


def test_a_long_message_has_more_sheets_of_black_on_white(tmp_path):
    target = tmp_path / "long.tif"
    assert draw(Wording("Title", "line of text\n" * 100), FONT, target) == 4
    with Image.open(target) as document:
        for number in range(document.n_frames):
            document.seek(number)
            assert document.mode == "1"
            assert document.size[0] == WIDTH
            assert document.convert("L").getextrema() == (0, 255)


@settings(max_examples=50, deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=300)
)
def test_no_line_is_wider_than_the_sheet_and_no_sign_is_lost(text):
    lines = list(_wrapped(text, LETTERS))
    assert all(LETTERS.getlength(line) <= WIDTH - 240 for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())

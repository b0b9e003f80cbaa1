"""Shipping papers, read back: the right fields in the right places, and nothing lost."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from orders.delivery.papers import batch, fonts
from orders.delivery.papers.content import (
    Goods,
    LoadSheet,
    LoadStop,
    Parcel,
    Pick,
    PickingSheet,
    Sender,
    in_words,
)
from orders.delivery.papers.fitting import LEADING, fit
from orders.delivery.papers.fonts import Fonts
from orders.delivery.papers.forms import Form

MM = 72 / 25.4
SENDER = Sender("总机商贸", "4006001001", "天津市河西区友谊路5号", "300000")
GOODS = tuple(
    Goods(
        f"BJ-{n:03d}",
        "牛栏山陈酿白酒",
        "42度 500ml",
        "箱",
        3,
        Decimal("168.00"),
        Decimal("504.00"),
    )
    for n in range(3)
)
PARCEL = Parcel(
    courier="中国邮政EMS", number="EE000000016CN", order_number="260302-000001", recipient="张三丰",
    phone="13800138000", province="河北省", city="唐山市", district="路北区", street="建设北路123号",
    line="河北省唐山市路北区建设北路123号", postcode="063000", urgent=False, weight_g=18250,
    cod_amount=Decimal("1020.50"), total=Decimal("1020.50"), discount=Decimal("491.50"),
    note="下午送", goods=GOODS, printed_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
)  # fmt: skip
# Where fields stand, in millimetres from the upper left corner: x from, to, y from, to.
PLACES = {
    Form.EMS_150: {
        "EMS": (3, 48, 3, 11),
        "唐山市": (3, 97, 31, 40),
        "张三丰": (12, 70, 40, 51),
        "13800138000": (60, 97, 40, 48),
        "建设北路123号": (12, 97, 50, 66),
        "总机商贸": (12, 70, 66, 72),
        "¥1020.50": (33, 97, 81, 92),
        "260302-000001": (3, 97, 112, 120),
    },
    Form.EMS_180: {
        "EMS": (3, 48, 3, 11),
        "唐山市": (3, 97, 31, 40),
        "张三丰": (12, 70, 40, 51),
        "13800138000": (60, 97, 40, 48),
        "建设北路123号": (12, 97, 50, 81),
        "总机商贸": (12, 70, 81, 87),
        "¥1020.50": (33, 97, 96, 107),
        "EE000000016CN": (3, 97, 121, 128),
        "260302-000001": (3, 97, 128, 133),
        "牛栏山陈酿白酒": (3, 97, 133, 161),
        "签收人": (3, 45, 162, 168),
        "打印 2026-03-02 09:30": (45, 97, 172, 178),
    },
    Form.POST: {
        "国内包裹详情单": (8, 98, 6, 14),
        "张三丰": (28, 112, 25, 34),
        "13800138000": (28, 112, 35, 43),
        "河北省": (28, 112, 44, 52),
        "建设北路123号": (28, 112, 62, 88),
        "总机商贸": (132, 222, 25, 32),
        "18.25 kg": (132, 222, 82, 88),
        "壹仟零贰拾元伍角整": (132, 222, 96, 104),
    },
    Form.EXPRESS: {
        "路北区": (3, 97, 12, 27),
        "张三丰": (12, 70, 48, 59),
        "¥1020.50": (33, 97, 93, 104),
    },
    Form.NOTE_A5: {
        "送货单": (8, 86, 7, 15),
        "张三丰": (8, 87, 22, 29),
        "建设北路123号": (8, 140, 30, 43),
        "BJ-001": (16, 80, 69, 77),
        "应收现金 ¥1020.50": (80, 140, 90, 110),
        "收货人签字": (74, 140, 98, 115),
    },
    Form.NOTE_A4: {
        "送货单": (8, 140, 7, 15),
        "EE000000016CN": (142, 202, 15, 20),
        "260302-000001": (8, 140, 16, 21),
        "张三丰": (8, 124, 22, 29),
        "13800138000": (124, 202, 22, 29),
        "建设北路123号": (8, 202, 30, 43),
        "下午送": (8, 202, 44, 53),
        "BJ-001": (16, 132, 69, 77),
        "168.00": (158, 178, 69, 77),
        "504.00": (178, 202, 69, 77),
        "优惠 -491.50": (105, 202, 86, 91),
        "合计 ¥1020.50  壹仟零贰拾元伍角整": (105, 202, 91, 97),
        "应收现金 ¥1020.50": (105, 202, 98, 105),
        "18.25 kg": (8, 105, 98, 103),
        "送货人签字": (8, 105, 108, 113),
        "收货人签字": (105, 202, 108, 113),
    },
}


class Read:
    """The pieces of text of a page with their places in millimetres."""

    def __init__(self, document: bytes, page: int = 0) -> None:
        self.pages = PdfReader(BytesIO(document)).pages
        self.page = self.pages[page]
        self.height = float(self.page.mediabox.height) / MM
        self.width = float(self.page.mediabox.width) / MM
        self.pieces: list[tuple[str, float, float, float]] = []
        self.text = self.page.extract_text(visitor_text=self._piece)

    def _piece(self, text, ctm, matrix, font, size) -> None:
        if text.strip():
            x = matrix[4] * ctm[0] + ctm[4]
            y = matrix[5] * ctm[3] + ctm[5]
            self.pieces.append((text.strip(), x / MM, self.height - y / MM, size))

    def within(self, box: tuple[float, float, float, float]) -> str:
        """What stands in a box; pieces are read from left to right."""
        left, right, top, bottom = box
        return "".join(
            text for text, x, y, _ in self.pieces if left - 0.1 <= x <= right and top <= y <= bottom
        )


@pytest.fixture(scope="module")
def own_fonts() -> Fonts:
    found = fonts.found()
    assert found.embedded, "install fonts-wqy-zenhei"
    return found


@pytest.mark.parametrize("form", Form, ids=str)
def test_every_field_stands_in_its_place(form: Form, own_fonts: Fonts):
    read = Read(batch.parcels(form, [PARCEL], SENDER, own_fonts))
    for field, box in PLACES[form].items():
        assert field in read.within(box), (field, read.within(box), read.pieces)
    assert read.text.count(PARCEL.number) == (2 if form in (Form.EMS_150, Form.EMS_180) else 1)


@pytest.mark.parametrize(
    ("form", "size"),
    [
        (Form.EMS_150, (100, 150)),
        (Form.EMS_180, (100, 180)),
        (Form.POST, (230, 127)),
        (Form.EXPRESS, (100, 150)),
        (Form.NOTE_A5, (148, 210)),
        (Form.NOTE_A4, (210, 297)),
    ],
)
def test_each_form_has_its_size_and_every_character_a_font_in_the_file(
    form: Form, size: tuple[int, int], own_fonts: Fonts
):
    read = Read(batch.parcels(form, [PARCEL], SENDER, own_fonts))
    assert (round(read.width), round(read.height)) == size
    used = read.page["/Resources"]["/Font"]
    named = {font.get_object()["/BaseFont"]: font.get_object() for font in used.values()}
    embedded = [f for f in named.values() if "/FontFile2" in f.get("/FontDescriptor", {})]
    assert embedded
    drawn_by = {name for name, font in named.items() if font not in embedded}
    assert drawn_by <= {"/Helvetica"}


def test_rare_characters_and_emoji_are_there_as_themselves_or_as_their_number(own_fonts: Fonts):
    named = replace(PARCEL, recipient="𠮷野龘㐂😀", line="上海市\u200d浦东新区🏠路1号")
    for form in Form:
        text = Read(batch.parcels(form, [named], SENDER, own_fonts)).text.replace("\n", "")
        for sign in "𠮷野龘㐂😀":
            assert sign in text or f"[U+{ord(sign):04X}]" in text, (form, sign, text)
    assert own_fonts.shown("\U000e0100a\U0010fffd\nb") == "󠄀a[U+10FFFD] b".replace("󠄀", "[U+E0100]")


def test_without_a_font_of_its_own_a_paper_is_still_complete():
    bare = Fonts(None)
    assert not bare.embedded
    made = batch.parcels(Form.EMS_150, [replace(PARCEL, recipient="𠮷野")], SENDER, bare)
    read = Read(made)
    assert "[U+20BB7]野" in read.text
    used = read.page["/Resources"]["/Font"].values()
    assert any("STSong-Light" in font.get_object()["/BaseFont"] for font in used)


LONG = st.text(
    st.one_of(
        st.sampled_from("唐山市路北区建设路号楼室ABC 123-"),
        st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")),
    ),
    min_size=1,
)


@settings(max_examples=60, deadline=None)
@given(recipient=LONG.filter(lambda t: len(t) <= 100), line=LONG.filter(lambda t: len(t) <= 300))
def test_no_name_or_address_leaves_the_paper(recipient, line):
    own = fonts.found()
    long = replace(PARCEL, recipient=recipient, line=line * 3, street=line * 3, note=line)
    for form in (Form.EMS_150, Form.POST, Form.NOTE_A5):
        read = Read(batch.parcels(form, [long], SENDER, own))
        for text, x, y, size in read.pieces:
            assert 0 <= x <= read.width
            assert 0 <= y <= read.height
            assert x + own.width(text, size) / MM <= read.width + 0.5, (form, text)


@settings(max_examples=200, deadline=None)
@given(LONG, st.floats(20, 200), st.floats(5, 60))
def test_text_in_a_box_is_whole_and_stays_within(text, width, height):
    def measure(part: str, size: float) -> float:
        return sum(size if ord(sign) > 255 else size / 2 for sign in part)

    fitted = fit(text, width, height, 12, measure)
    assert fitted.size <= 12
    assert len(fitted.lines) * fitted.size * LEADING <= height
    assert all(measure(line, fitted.size) <= width for line in fitted.lines)
    assert "".join("".join(fitted.lines).split()) == "".join(text.split())


def test_no_line_begins_with_the_sign_that_ends_a_clause():
    def measure(part: str, size: float) -> float:
        return size * len(part)

    lines = fit("一二三\uff0c四五六\u3002", 36, 100, 12, measure).lines
    assert lines[0] == "一二"
    assert not any(line[0] in "\uff0c\u3002" for line in lines)


def test_many_papers_are_one_file_in_the_order_in_which_they_were_asked_for(own_fonts: Fonts):
    numbers = [f"ZJ{n:06d}" for n in range(40)]
    made = batch.parcels(
        Form.EXPRESS, [replace(PARCEL, number=number) for number in numbers], SENDER, own_fonts
    )
    pages = PdfReader(BytesIO(made)).pages
    assert [number in page.extract_text() for number, page in zip(numbers, pages, strict=True)] == [
        True
    ] * 40


def test_a_delivery_note_of_many_lines_goes_on_and_ends_with_its_sum(own_fonts: Fonts):
    many = replace(PARCEL, goods=tuple(replace(GOODS[0], sku=f"S-{n:03d}") for n in range(60)))
    made = batch.parcels(Form.NOTE_A5, [many], SENDER, own_fonts)
    texts = [page.extract_text() for page in PdfReader(BytesIO(made)).pages]
    assert len(texts) >= 3
    assert all("260302-000001" in text and "品名" in text for text in texts[:-1])
    whole = "".join(texts)
    assert all(f"S-{n:03d}" in whole for n in range(60))
    assert "合计 ¥1020.50" in texts[-1]
    assert sum("合计" in text for text in texts) == 1


def test_what_is_paid_otherwise_is_collected_by_nobody(own_fonts: Fonts):
    paid = replace(PARCEL, cod_amount=Decimal(0))
    for form in Form:
        assert "代收货款" not in Read(batch.parcels(form, [paid], SENDER, own_fonts)).text


def test_the_warehouse_and_the_driver_get_their_lists(own_fonts: Fonts):
    first, second = ("260302-000001", 7), ("260302-000002", 5)
    day = date(2026, 5, 1)
    sheets = [
        PickingSheet(
            "主仓 (main)",
            (
                Pick("BJ-001", "白酒", "500ml", "箱", (first, second), "A-01", day),
                Pick("BJ-001", "白酒", "500ml", "箱", (second,), missing=True),
                Pick("LY-003", "大米", None, "袋", (second,)),
            ),
        ),
        PickingSheet("河北仓 (hebei)", (Pick("LY-003", "大米", None, "袋", (first,)),)),
    ]
    made = batch.picking_list(sheets, "2026-03-02 09:30", own_fonts)
    main, hebei = Read(made), Read(made, 1)
    assert len(main.pages) == len(sheets)
    assert ("拣货单 主仓 (main)" in main.text, "拣货单 河北仓 (hebei)" in hebei.text) == (
        True,
        True,
    )
    row = main.within((0, 210, 27, 36))
    assert row == "BJ-001白酒 500mlA-012026-05-01箱12260302-000001×7260302-000002×5"
    assert "缺货" in main.within((0, 210, 36, 45))
    assert main.text.index("BJ-001") < main.text.index("LY-003")
    assert "BJ-001" not in hebei.text
    stops = tuple(
        LoadStop(n, f"260302-{n:06d}", f"ZJ{n:06d}", "王五", "13900000000", "友谊路5号", 1500, Decimal(n), "大米×1袋")
        for n in range(1, 31)
    )  # fmt: skip
    sheet = LoadSheet(
        "L260302-0001", date(2026, 3, 2), "城南线", "津A12345", "李师傅", "137", stops
    )
    made = batch.load_list(sheet, own_fonts)
    pages = [page.extract_text() for page in PdfReader(BytesIO(made)).pages]
    assert len(pages) == 2
    assert all("津A12345" in page for page in pages)
    assert "共 30 单 45.00 kg 应收 ¥465" in " ".join(pages[-1].split())


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0", "零元整"),
        ("0.05", "伍分"),
        ("10", "壹拾元整"),
        ("1020.50", "壹仟零贰拾元伍角整"),
        ("100000000", "壹亿元整"),
        ("100010000.01", "壹亿零壹万元零壹分"),
        ("20004.56", "贰万零肆元伍角陆分"),
        ("10203040", "壹仟零贰拾万叁仟零肆拾元整"),
    ],
)
def test_sums_are_written_in_words_as_papers_want_them(amount: str, words: str):
    assert in_words(Decimal(amount)) == words

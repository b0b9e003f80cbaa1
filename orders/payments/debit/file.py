"""The files of bank debit. Rule: pure; GBK, one record a line, fields between bars, amounts in fen; the first
record counts and adds up the others, and a file that does not add up is no file.

To the bank                                       From the bank
H|merchant|batch|yyyymmdd|count|sum|control       H|merchant|batch|yyyymmdd|count|collected|sum collected
D|line|token|account|name|bank|amount|CNY|mandate D|line|token|amount|code|bank's serial|text

`control` is the sum of the last eight digits of all accounts, to ten digits: a changed account shows. `code` is
0000 for what was collected, the bank's own code for what was not.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

ENCODING = "gbk"
COLLECTED = "0000"
MOST_LINES = 2000
_BAR, _END = "|", "\r\n"
_HEAD_FIELDS, _LINE_FIELDS = 7, 7
_CODE = re.compile(r"[0-9A-Za-z]{1,10}")
_FEN = Decimal(100)
_MOST_FEN = 10**14


class BadFile(Exception):
    """The file as a whole cannot be taken; the message says why."""


@dataclass(frozen=True, slots=True)
class Debit:
    """One amount (yuan) to collect."""

    line_no: int
    token: str
    account_no: str
    account_name: str
    bank_code: str
    amount: Decimal
    mandate: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the bank did with one line; `row` is how it stands in the file, as its line `row_no`."""

    line_no: int
    token: str
    amount: Decimal
    code: str
    serial: str
    text: str
    row: str = ""
    row_no: int = 0

    @property
    def collected(self) -> bool:
        return self.code == COLLECTED


@dataclass(frozen=True, slots=True)
class Unreadable:
    line_no: int
    row: str


def fits(text: str) -> bool:
    """Whether a text can stand in a field of the file."""
    try:
        text.encode(ENCODING)
    except UnicodeEncodeError:
        return False
    return _BAR not in text and text.isprintable()


def control_of(accounts: Iterable[str]) -> int:
    digits = (re.sub(r"\D", "", account)[-8:] or "0" for account in accounts)
    return sum(map(int, digits)) % 10**10


def write(merchant: str, batch: str, due_on: date, debits: Sequence[Debit]) -> bytes:
    """The file for the bank."""
    total = sum(_fen(each.amount) for each in debits)
    control = control_of(each.account_no for each in debits)
    head = ("H", merchant, batch, f"{due_on:%Y%m%d}", len(debits), total, f"{control:010d}")
    lines = [
        (
            *("D", each.line_no, each.token, each.account_no, each.account_name, each.bank_code),
            *(_fen(each.amount), "CNY", each.mandate),
        )
        for each in debits
    ]
    return "".join(_BAR.join(map(str, each)) + _END for each in (head, *lines)).encode(ENCODING)


def write_answer(merchant: str, batch: str, day: date, answers: Sequence[Answer]) -> bytes:
    """The file as the bank writes it."""
    collected = [each for each in answers if each.collected]
    total = sum(_fen(each.amount) for each in collected)
    head = ("H", merchant, batch, f"{day:%Y%m%d}", len(answers), len(collected), total)
    lines = [
        ("D", each.line_no, each.token, _fen(each.amount), each.code, each.serial, each.text)
        for each in answers
    ]
    return "".join(_BAR.join(map(str, each)) + _END for each in (head, *lines)).encode(ENCODING)


def read_answer(
    content: bytes, merchant: str, batch: str
) -> tuple[tuple[Answer, ...], tuple[Unreadable, ...]]:
    """What can be read, and the rows that cannot. Raises BadFile."""
    try:
        rows = [row for row in content.decode(ENCODING).splitlines() if row.strip()]
    except UnicodeDecodeError as error:
        raise BadFile("it is not written in GBK") from error
    if not rows:
        raise BadFile("it is empty")
    if len(rows) > MOST_LINES + 1:
        raise BadFile(f"it has more than {MOST_LINES} lines")
    count, collected, total = _head(rows[0], merchant, batch)
    answers: list[Answer] = []
    unreadable: list[Unreadable] = []
    for number, row in enumerate(rows[1:], 2):
        answer = _answer(row, number)
        if answer is None:
            unreadable.append(Unreadable(number, row[:300]))
        else:
            answers.append(answer)
    if count != len(rows) - 1:
        raise BadFile(f"it says that it has {count} lines and has {len(rows) - 1}")
    if not unreadable:
        got = [each for each in answers if each.collected]
        if (collected, total) != (len(got), sum(_fen(each.amount) for each in got)):
            raise BadFile("the sum at its beginning is not that of its lines")
    return tuple(answers), tuple(unreadable)


def _head(row: str, merchant: str, batch: str) -> tuple[int, int, int]:
    fields = row.split(_BAR)
    if len(fields) != _HEAD_FIELDS or fields[0] != "H":
        raise BadFile("its first record is not H|merchant|batch|day|count|collected|sum")
    if (fields[1], fields[2]) != (merchant, batch):
        raise BadFile("it is the answer to another batch")
    if not all(re.fullmatch(r"[0-9]{1,15}", each) for each in fields[4:]):
        raise BadFile("its counts are no numbers")
    return int(fields[4]), int(fields[5]), int(fields[6])


def _answer(row: str, row_no: int) -> Answer | None:
    fields = row.split(_BAR)
    if len(fields) != _LINE_FIELDS or fields[0] != "D":
        return None
    _, line_no, token, amount, code, serial, text = fields
    if not all(re.fullmatch(r"[0-9]{1,15}", each) for each in (line_no, amount)):
        return None
    readable = _CODE.fullmatch(code) and token.isprintable() and serial.isprintable()
    if not readable or int(amount) >= _MOST_FEN or int(line_no) > 10**9:
        return None
    words = "".join(sign for sign in text if sign.isprintable())
    return Answer(
        int(line_no),
        token[:64],
        int(amount) / _FEN,
        code,
        serial[:40],
        words[:80],
        row[:300],
        row_no,
    )


def _fen(amount: Decimal) -> int:
    return int(amount * _FEN)

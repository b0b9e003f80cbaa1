"""The trade bill of a day (bill_type ALL), read and written. Rule: a file whose own sums are wrong is no bill.

Source: WeChat Pay merchant documentation, “format of the trade bill”: a row of titles, rows of details, a row of
titles of the sums, a row of sums; every value but the titles begins with a back-tick. Times are Beijing time.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from orders.payments.ports import Refused, Statement, StatementRow

BEIJING = ZoneInfo("Asia/Shanghai")
TITLES = [
    "交易时间",
    "公众账号ID",
    "商户号",
    "特约商户号",
    "设备号",
    "微信订单号",
    "商户订单号",
    "用户标识",
    "交易类型",
    "交易状态",
    "付款银行",
    "货币种类",
    "应结订单金额",
    "代金券金额",
    "微信退款单号",
    "商户退款单号",
    "退款金额",
    "充值券退款金额",
    "退款类型",
    "退款状态",
    "商品名称",
    "商户数据包",
    "手续费",
    "费率",
    "订单金额",
    "申请退款金额",
    "费率备注",
]
SUMS = [
    "总交易单数",
    "应结订单总金额",
    "退款总金额",
    "充值券退款总金额",
    "手续费总金额",
    "订单总金额",
    "申请退款总金额",
]
_MOST = 200_000
_LONGEST = 64
_FIRST_YEAR, _LAST_YEAR = 2000, 2199


@dataclass(frozen=True, slots=True)
class BillLine:
    """One movement; a refund names its charge beside itself."""

    at: datetime
    transaction: str
    token: str
    amount: Decimal
    refund: str = ""
    refund_token: str = ""


def read(content: bytes) -> Statement:
    """Raises Refused."""
    try:
        text = content.decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refused("This is no bill: it is not CSV in UTF-8.") from error
    lines = [line for line in lines if line]
    if len(lines) < 3 or lines[0] != TITLES or lines[-2] != SUMS:  # noqa: PLR2004
        raise Refused("This is no trade bill of the kind ALL: its titles are others.")
    if len(lines) > _MOST:
        raise Refused(f"A bill has at most {_MOST} rows.")
    rows: list[StatementRow] = []
    refused: list[tuple[int, str]] = []
    for line_no, line in enumerate(lines[1:-2], 2):
        try:
            rows.append(_row(line_no, line))
        except (ValueError, InvalidOperation, LookupError):
            refused.append((line_no, ",".join(line)[:300]))
    if not refused:
        _check_sums([_bare(each) for each in lines[-1]], rows)
    return Statement(tuple(rows), tuple(refused))


def write(lines: Iterable[BillLine]) -> bytes:
    """As the gateway writes it."""
    lines = tuple(lines)
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(TITLES)
    for line in lines:
        table.writerow([f"`{value}" for value in _values(line)])
    paid = sum((line.amount for line in lines if not line.refund), Decimal(0))
    back = sum((line.amount for line in lines if line.refund), Decimal(0))
    table.writerow(SUMS)
    zero = "0.00"
    sums = [len(lines), f"{paid:.2f}", f"{back:.2f}", zero, "0.00000", f"{paid:.2f}", f"{back:.2f}"]
    table.writerow([f"`{value}" for value in sums])
    return ("\ufeff" + out.getvalue()).encode()


def _values(line: BillLine) -> Sequence[str]:
    at = f"{line.at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"
    is_refund = bool(line.refund)
    paid, back = ("0.00", f"{line.amount:.2f}") if is_refund else (f"{line.amount:.2f}", "0.00")
    values = dict.fromkeys(TITLES, "")
    values |= {
        "交易时间": at,
        "微信订单号": line.transaction,
        "商户订单号": line.token,
        "交易类型": "NATIVE",
        "交易状态": "REFUND" if is_refund else "SUCCESS",
        "货币种类": "CNY",
        "应结订单金额": paid,
        "微信退款单号": line.refund or "0",
        "商户退款单号": line.refund_token or "0",
        "退款金额": back,
        "退款状态": "SUCCESS" if is_refund else "",
        "订单金额": paid,
        "申请退款金额": back,
    }
    return tuple(values.values())


def _row(line_no: int, line: Sequence[str]) -> StatementRow:
    if len(line) != len(TITLES):
        raise ValueError("another number of columns")
    value = dict(zip(TITLES, map(_bare, line), strict=True))
    naive = datetime.strptime(value["交易时间"], "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
    at = naive.replace(tzinfo=BEIJING)
    if value["交易状态"] == "REFUND":
        kind, token, reference = "refund", value["商户退款单号"], value["微信退款单号"]
        amount = Decimal(value["申请退款金额"])
    else:
        kind, token, reference = "receipt", value["商户订单号"], value["微信订单号"]
        amount = Decimal(value["订单金额"])
    if (
        value["货币种类"] != "CNY"
        or not 0 < amount < Decimal(10**12)
        or not _FIRST_YEAR <= at.year <= _LAST_YEAR
    ):
        raise ValueError("no sum of money")
    if not all(0 < len(each) <= _LONGEST and each.isprintable() for each in (token, reference)):
        raise ValueError("no number")
    return StatementRow(line_no, kind, token, reference, amount.quantize(Decimal("0.01")), at)


def _check_sums(sums: Sequence[str], rows: Sequence[StatementRow]) -> None:
    said = dict(zip(SUMS, sums, strict=False))
    paid = sum((row.amount for row in rows if row.kind == "receipt"), Decimal(0))
    back = sum((row.amount for row in rows if row.kind == "refund"), Decimal(0))
    try:
        right = (
            int(said["总交易单数"]),
            Decimal(said["订单总金额"]),
            Decimal(said["申请退款总金额"]),
        )
    except (LookupError, ValueError, InvalidOperation) as error:
        raise Refused("The bill's sums cannot be read.") from error
    if right != (len(rows), paid, back):
        raise Refused("The bill's sums are not those of its rows: fetch it again.")


def _bare(value: str) -> str:
    return value.removeprefix("`").strip()

import ast
from datetime import UTC, date, datetime
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.connections import connectors
from orders.connections.addresses import is_allowed
from orders.connections.connectors import CONNECTORS
from orders.connections.connectors.kingdee import errors as kingdee_errors
from orders.connections.connectors.kingdee import mapping as kingdee
from orders.connections.connectors.kingdee.settings import Settings as KingdeeSettings
from orders.connections.connectors.qimen import errors as qimen_errors
from orders.connections.connectors.qimen import mapping as qimen
from orders.connections.connectors.qimen.client import sign
from orders.connections.connectors.yonyou import errors as yonyou_errors
from orders.connections.connectors.yonyou import mapping as yonyou
from orders.connections.connectors.yonyou.client import signature
from orders.connections.connectors.yonyou.settings import Settings as YonyouSettings
from orders.connections.errors import ConnectorError
from orders.connections.papers import LeavingLine, LeavingOrder, OutsideLine, OutsideOrder, Place
from orders.connections.returning import way
from orders.sales.flow import MOVES, Status

FOLDER = Path(connectors.__path__[0])
FILES = {"__init__.py", "settings.py", "mapping.py", "client.py", "errors.py"}
FOLDERS = sorted(
    each.name for each in FOLDER.iterdir() if each.is_dir() and not each.name.startswith("_")
)
TEXT = st.text("滨海商贸abc XYZ123<>&'\"\u3000-_", min_size=1, max_size=30).filter(
    lambda text: text.strip() == text
)
MONEY = st.decimals(0, 99999, places=2)
LINES = st.lists(
    st.builds(
        OutsideLine, code=TEXT, quantity=st.integers(1, 100_000), price=st.none() | MONEY, name=TEXT
    ),
    min_size=1,
    max_size=5,
)
LEAVING = st.lists(
    st.builds(
        LeavingLine,
        TEXT,
        st.integers(1, 100_000),
        MONEY,
        st.sampled_from([Decimal("0.13"), Decimal("0.09"), Decimal("0.0000")]),
    ),
    min_size=1,
    max_size=5,
).map(tuple)
KINGDEE = KingdeeSettings(
    url="https://erp.example/k3cloud",
    database="db",
    username="u",
    organisation="100",
    states={"C": "reviewed", "closed": "delivered"},
)
YONYOU = YonyouSettings(
    token_url="https://t.example",
    gateway_url="https://g.example",
    organisation="o",
    transaction_type="t",
    unit="pcs",
    states={"ENDORDER": "delivered"},
)


def leaving(lines: tuple[LeavingLine, ...]) -> LeavingOrder:
    return LeavingOrder(
        "260302-000001",
        date(2026, 3, 2),
        "reviewed",
        "K1",
        lines,
        Decimal(1),
        Decimal(0),
        "友谊路5号",
        "急",
    )


def test_every_folder_is_a_connector_and_of_one_shape():
    assert sorted(CONNECTORS) == FOLDERS
    for name in FOLDERS:
        assert {each.name for each in (FOLDER / name).glob("*.py")} == FILES, name
        connector = CONNECTORS[name]
        module = connector.client.__module__.rpartition(".")[0]
        assert module == f"orders.connections.connectors.{name}"
        for part in ("receive", "answer", "send", "states", "counts"):
            assert callable(getattr(connector.client, part)), (name, part)
        assert connector.settings.__name__ == "Settings"
        assert connector.secrets.__name__ == "Secrets"


@pytest.mark.parametrize("name", FOLDERS)
def test_a_mapping_asks_nobody_and_no_clock(name: str):
    tree = ast.parse((FOLDER / name / "mapping.py").read_text())
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert not any(isinstance(node, ast.Await | ast.AsyncFunctionDef) for node in ast.walk(tree))
    assert imported.isdisjoint(
        {"aiohttp", "Outgoing", "ask_json", "time", "random", "AsyncSession"}
    )
    assert ".now(" not in (FOLDER / name / "mapping.py").read_text()


@given(
    number=TEXT,
    lines=LINES,
    buyer=st.none() | TEXT,
    address=st.none() | TEXT,
    note=st.none() | TEXT,
    total=st.none() | MONEY,
)
def test_an_order_survives_qimen_s_paper_and_back(*, number, lines, buyer, address, note, total):
    order = OutsideOrder(
        number=number,
        version=7,
        lines=lines,
        buyer_code=buyer,
        address=address,
        note=note,
        total=total,
        paid=total is not None,
    )
    assert qimen.read("taobao.qimen.deliveryorder.create", qimen.write(order), 7) == order


def test_a_cancellation_survives_qimen_s_paper_and_back():
    order = OutsideOrder(number="T1", version=3, lines=(), cancelled=True)
    assert qimen.read("order.cancel", qimen.write(order), 3) == order


@given(LEAVING)
def test_lines_survive_the_papers_of_kingdee_and_yonyou_and_back(lines):
    order = leaving(lines)
    assert kingdee.read_lines(kingdee.save(KINGDEE, order)) == lines
    assert yonyou.read_lines(yonyou.save(YONYOU, order)) == lines


@given(body=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_whatever_comes_is_a_paper_or_is_refused_for_good(body: bytes):
    with pytest.raises(ConnectorError) as refused:
        qimen.read("deliveryorder.create", body, 1)
    assert refused.value.permanent


LINE = "<orderLines><orderLine><itemCode>A</itemCode><planQty>{}</planQty></orderLine></orderLines>"
HEAD = "<deliveryOrder><deliveryOrderCode>1</deliveryOrderCode>{}</deliveryOrder>"


@pytest.mark.parametrize(
    "body",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa">]><request>&a;</request>',
        "<request><deliveryOrder/></request>",
        "<request><orderLines/></request>",
        f"<request>{HEAD.format('')}{LINE.format('1.5')}</request>",
        f"<request>{HEAD.format('')}{LINE.format('NaN')}</request>",
        f"<request>{HEAD.format('')}{LINE.format('Infinity')}</request>",
        f"<request>{HEAD.format('<gotAmount>1e999999</gotAmount>')}{LINE.format('1')}</request>",
    ],
)
def test_a_paper_with_entities_or_impossible_values_is_refused(body: str):
    with pytest.raises(ConnectorError) as refused:
        qimen.read("deliveryorder.create", body.encode(), 1)
    assert refused.value.permanent


def test_qimen_s_signature_is_the_upper_case_md5_between_the_secrets():
    import hashlib

    query = {"method": "m", "app_key": "k", "v": "2.0", "sign": "ignored"}
    said = b"secret" + b"app_keykmethodmv2.0" + "正文".encode() + b"secret"
    wanted = hashlib.md5(said).hexdigest().upper()
    assert sign(query, "正文".encode(), "secret") == wanted


def test_yonyou_s_signature_is_the_base64_of_the_hmac_of_the_sorted_parameters():
    import base64
    import hashlib
    import hmac

    digest = hmac.new(b"secret", b"appKeykeytimestamp1", hashlib.sha256).digest()
    wanted = base64.b64encode(digest).decode()
    assert signature("secret", {"timestamp": "1", "appKey": "key"}) == wanted


def _refused(message: str) -> dict:
    return {"Result": {"ResponseStatus": {"IsSuccess": False, "Errors": [{"Message": message}]}}}


@pytest.mark.parametrize(
    ("error", "permanent"),
    [
        (kingdee_errors.refusal(_refused("物料不存在")), True),
        (kingdee_errors.refusal(_refused("网络控制冲突, 请稍后再试")), False),
        (kingdee_errors.refusal({}), False),
        (kingdee_errors.login_refusal({"LoginResultType": 0}), True),
        (yonyou_errors.refusal({"code": "999", "message": "客户不存在"}), True),
        (yonyou_errors.refusal({"code": "310036"}), False),
        (yonyou_errors.refusal({"code": 500}), False),
        (yonyou_errors.refusal("?"), False),
        (qimen_errors.refusal("isv.invalid-parameter", "x"), True),
        (qimen_errors.refusal("isp.service-error", "x"), False),
        (qimen_errors.no_paper("x"), True),
    ],
)
def test_each_error_says_whether_asking_again_can_help(error: ConnectorError, permanent: bool):
    assert error.permanent == permanent


def test_states_that_nobody_named_or_nobody_understands_are_left_out():
    rows = [
        ["N1", "C", "A", "2026-03-02T10:00:00"],
        ["N2", "C", "B", "2026-03-02T10:00:00.123"],
        ["N3", "A", "A", "2026-03-02T10:00:00"],
        ["N4", "C", "A", "yesterday"],
        ["N5"],
    ]
    assert [(each.number, each.status) for each in kingdee.states(KINGDEE, rows)] == [
        ("N1", "reviewed"),
        ("N2", "delivered"),
    ]
    row = {"code": "N1", "nextStatusName": "ENDORDER", "pubts": "2026-03-02 10:00:00"}
    found = yonyou.states(YONYOU, [row, row | {"pubts": None}, row | {"nextStatusName": "X"}, 7])
    assert [(each.number, each.status) for each in found] == [("N1", "delivered")]


def test_counts_are_added_up_over_warehouses_and_nonsense_is_left_out():
    rows = [["A", 5], ["A", "2.5"], ["B", "x"], ["C"]]
    assert [(each.code, each.quantity) for each in kingdee.counts(rows)] == [("A", Decimal("7.5"))]
    answer = {"data": [{"product_code": "A", "currentqty": 5}, {"product_code": "A"}, 7]}
    assert [(each.code, each.quantity) for each in yonyou.counts(answer)] == [("A", Decimal(5))]


def test_a_text_in_a_filter_cannot_leave_its_quotation_marks():
    asked = kingdee.by_number("x' OR '1'='1")
    assert asked["FilterString"] == "FBillNo = 'x'' OR ''1''=''1'"


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd12::1", False),
        ("::ffff:10.0.0.1", False),
        ("2002:7f00:1::", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("not an address", False),
    ],
)
def test_only_addresses_of_the_internet_may_be_called(address: str, allowed: bool):
    assert is_allowed(address, ()) == allowed
    assert not is_allowed(address, (), public=False)


@given(st.ip_addresses())
def test_no_private_address_is_ever_allowed(address):
    assert not is_allowed(str(address), ()) or ip_address(address).is_global


def test_the_way_to_a_status_is_along_the_table_and_never_back():
    assert way(Status.REVIEWED, Status.DELIVERED) == (
        "picking",
        "shipped",
        "in_transit",
        "delivered",
    )
    assert way(Status.DELIVERED, Status.REVIEWED) is None
    for origin in Status:
        for to in Status:
            steps = way(origin, to)
            if steps:
                assert all(
                    (Status(a), Status(b)) in MOVES
                    for a, b in zip((origin, *steps), steps, strict=False)
                )


def test_a_time_with_another_zone_is_asked_for_in_china_s():
    asked = kingdee.changed_from(Place(datetime(2026, 3, 1, 20, tzinfo=UTC)))
    assert asked["FilterString"] == "FModifyDate >= '2026-03-02 04:00:00'"

"""A wholesaler in Tianjin, for the demonstration, tests and benches.

Rule: adds what is missing and changes nothing that is there; passwords come from the caller and are
nowhere in the source.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select

from crm_core.customers.fields import AddressEntry, NewCustomer
from crm_core.customers.service import CustomerService
from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.db import Database
from crm_core.people.accounts import AccountService
from crm_core.people.tables import User
from crm_core.people.users import NewUser
from crm_core.rights import SYSTEM
from crm_core.seeds import seed_channel, seed_roles

USERS = (
    NewUser(login="admin", name="系统管理员", role="admin"),
    NewUser(login="supervisor", name="赵敏", role="supervisor"),
    NewUser(login="operations", name="孙悦", role="operations"),
    NewUser(login="agent1", name="王芳", role="agent", extension="1001"),
    NewUser(login="agent2", name="李强", role="agent", extension="1002"),
    NewUser(login="agent3", name="张丽", role="agent", extension="1003"),
    NewUser(login="agent4", name="刘洋", role="agent", extension="1004"),
    NewUser(login="agent5", name="陈静", role="agent", extension="1005"),
    NewUser(login="agent6", name="杨帆", role="agent", extension="1006", locale="en"),
)


@dataclass(frozen=True, slots=True)
class _Row:
    """One demo customer; `above` names the customer above it, which stands earlier in the list."""

    name: str
    level: str
    policy: str
    credit: int
    place: tuple[str, str, str]
    phones: tuple[str, ...]
    salesperson: str | None = None
    above: str | None = None
    address: str | None = None
    email: str | None = None
    language: str | None = None
    note: str | None = None


_TIANJIN, _BEIJING = ("022", "天津", "天津"), ("010", "北京", "北京")
_SHANGHAI, _SHIJIAZHUANG = ("021", "上海", "上海"), ("0311", "河北", "石家庄")
_TANGSHAN, _GUANGZHOU = ("0315", "河北", "唐山"), ("020", "广东", "广州")

_CUSTOMERS = (
    _Row(
        "华北食品总代理有限公司", "national", "off20", 500_000, _TIANJIN,
        ("02223456789", "13802012345"), "agent1",
        address="天津市和平区南京路108号", email="caigou@huabei.example", note="月结30天，周五对账。",
    ),
    _Row(
        "京城商贸集团", "provincial", "off15", 300_000, _BEIJING,
        ("01065881234", "13901122334"), "agent2", "华北食品总代理有限公司",
        address="北京市朝阳区建国路88号", email="dinghuo@jingcheng.example",
    ),
    _Row(
        "河北冀中副食批发", "provincial", "off15", 200_000, _SHIJIAZHUANG,
        ("031187654321", "13931155667"), "agent3", "华北食品总代理有限公司",
        address="石家庄市长安区中山东路256号",
    ),
    _Row(
        "上海申浦贸易有限公司", "provincial", "off15", 250_000, _SHANGHAI,
        ("02152345678", "13817654321"), "agent4",
        address="上海市浦东新区张杨路500号", email="order@shenpu.example",
    ),
    _Row(
        "唐山渤海商行", "city", "off10", 80_000, _TANGSHAN,
        ("03152876543", "13703155588"), "agent3", "河北冀中副食批发",
        address="唐山市路北区新华道66号", note="送货前须电话预约。",
    ),
    _Row(
        "天津塘沽海鲜干货行", "city", "off10", 60_000, _TIANJIN,
        ("02225871234", "13752233445"), "agent1", "华北食品总代理有限公司",
        address="天津市滨海新区上海道19号",
    ),
    _Row(
        "北京海淀惠民超市", "retailer", "off5", 20_000, _BEIJING,
        ("01062557788", "13621098765"), "agent2", "京城商贸集团",
        address="北京市海淀区中关村大街27号",
    ),
    _Row(
        "天津南开老味道便利店", "retailer", "off5", 10_000, _TIANJIN,
        ("02227418899", "15022334455"), "agent1", "天津塘沽海鲜干货行",
        address="天津市南开区鞍山西道201号",
    ),
    _Row(
        "上海静安嘉禾食品店", "retailer", "off5", 10_000, _SHANGHAI,
        ("02162189900", "13918887766"), "agent4", "上海申浦贸易有限公司",
        address="上海市静安区南京西路1266号",
    ),
    _Row(
        "Harbour Fine Foods", "retailer", "off5", 15_000, _GUANGZHOU,
        ("13922211100", "+85223456789"), "agent6",
        address="广州市天河区天河路385号", email="orders@harbour.example", language="en",
    ),
    _Row(
        "李建国", "consumer", "list", 0, _TIANJIN, ("13602170001",), address="天津市河西区友谊路5号"
    ),
    _Row(
        "周晓梅", "consumer", "list", 0, _BEIJING, ("13811223344", "01084556677"),
        address="北京市东城区东直门内大街9号", note="只要低糖产品。",
    ),
)  # fmt: skip


async def seed_demo(database: Database, password_for: Callable[[str], str]) -> tuple[str, ...]:
    """Fill an empty database; returns the log-in names made now, each with `password_for(login)`."""
    async with database.begin() as session:
        await seed_roles(session)
        await seed_channel(session)
    made = await _seed_users(database, password_for)
    await _seed_customers(database)
    return made


async def _seed_users(database: Database, password_for: Callable[[str], str]) -> tuple[str, ...]:
    async with database.begin() as session:
        there = set(await session.scalars(select(User.login)))
    accounts = AccountService(database)
    missing = [user for user in USERS if user.login not in there]
    for user in missing:
        await accounts.create_user(SYSTEM, user, password_for(user.login))
    return tuple(user.login for user in missing)


async def _seed_customers(database: Database) -> None:
    async with database.begin() as session:
        people = {row.login: row.id for row in await session.execute(select(User.login, User.id))}
        known = {
            row.name: row.id for row in await session.execute(select(Customer.name, Customer.id))
        }
        taken = set(await session.scalars(select(CustomerPhone.number)))
    customers = CustomerService(database)
    for row in _CUSTOMERS:
        if row.name in known or taken & set(row.phones):
            continue
        card = await customers.create(SYSTEM, _new(row, people, known))
        known[row.name] = card.id


def _new(row: _Row, people: dict[str, int], known: dict[str, int]) -> NewCustomer:
    area_code, province, city = row.place
    return NewCustomer(
        name=row.name,
        phones=row.phones,
        level_code=row.level,
        price_policy_code=row.policy,
        parent_id=known.get(row.above or ""),
        area_code=area_code,
        province=province,
        city=city,
        credit_limit=Decimal(row.credit),
        salesperson_id=people.get(row.salesperson or ""),
        addresses=(AddressEntry(detail=row.address),) if row.address else (),
        email=row.email,
        language=row.language,
        note=row.note,
    )

"""A house that gives coupons and packages."""

import itertools
from zoneinfo import ZoneInfo

import pytest

from crm_core.benefits.commands import (
    CouponKindContent,
    Grant,
    IssueCoupons,
    PackageItemContent,
    PackageKindContent,
)
from crm_core.benefits.service import BenefitService
from crm_core.customers.fields import NewCustomer
from crm_core.customers.service import CustomerService
from crm_core.db import Database
from crm_core.rights import SYSTEM
from tests.crm_core.crm_core_support import Clock
from tests.crm_core.crm_office import Office, furnish

_numbers = itertools.count(1)


class BenefitHouse:
    def __init__(self, database: Database, office: Office) -> None:
        self.database = database
        self.office = office
        self.clock = Clock()
        self.benefits = BenefitService(database, clock=self.clock, zone=ZoneInfo("Asia/Shanghai"))
        self.customers = CustomerService(database)

    async def somebody(self, **more: object) -> int:
        new = NewCustomer.model_validate({"name": "券客户", "level_code": "city"} | more)
        return (await self.customers.create(SYSTEM, new)).id

    async def kind(self, **more: object) -> str:
        code = f"k{next(_numbers)}"
        wanted = {"name_zh": "券", "name_en": "Coupon", "what": "amount", "value": "10"} | more
        content = CouponKindContent.model_validate(wanted)
        await self.benefits.put_coupon_kind(self.office.sun, code, 0, content)
        return code

    async def coupon(self, customer_id: int, **kind: object) -> str:
        """A new coupon's code."""
        code = await self.kind(**kind)
        await self.benefits.issue(
            self.office.zhao, IssueCoupons(kind_code=code, customer_ids=(customer_id,))
        )
        held = await self.benefits.of_customer(self.office.wang, customer_id)
        return next(each.code for each in held.coupons if each.kind_code == code)

    async def package_kind(self, *items: PackageItemContent, **more: object) -> str:
        code = f"p{next(_numbers)}"
        wanted = {"purpose": "service", "name_zh": "年度服务", "name_en": "Yearly service"}
        content = PackageKindContent.model_validate(wanted | {"items": items} | more)
        await self.benefits.put_package_kind(self.office.sun, code, 0, content)
        return code

    async def package(self, customer_id: int, kind: str, **more: object) -> int:
        given = Grant.model_validate({"kind_code": kind} | more)
        return await self.benefits.grant(self.office.zhao, customer_id, given)


@pytest.fixture
async def house(database: Database) -> BenefitHouse:
    return BenefitHouse(database, await furnish(database))

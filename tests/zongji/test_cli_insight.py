"""`zongji insight`, on a database of its own."""

from pathlib import Path

import pytest

from tests.zongji.command import refused, zongji


async def test_everybody_is_worked_out_once_and_again_when_asked(settings: Path):
    said = zongji("insight", "recompute", settings=settings)
    assert (said.code, said.out.splitlines()[-1]) == (0, "3 customers worked out"), said
    assert "3/3" in said.out
    said = zongji("insight", "recompute", settings=settings)
    assert said.out.splitlines()[-1] == "0 customers worked out"
    said = zongji("insight", "recompute", "--all", settings=settings)
    assert said.out.splitlines()[-1] == "3 customers worked out"


@pytest.mark.parametrize("customer", ["1", "13800138000", "海河"])
async def test_a_customer_is_explained_by_id_number_or_name(settings: Path, customer: str):
    said = zongji("insight", "explain", customer, settings=settings)
    assert said.code == 0, said
    assert "海河酒行  #1  R1 F1 M1" in said.out
    assert "✓ segment  none" in said.out
    assert "orders_total 0 = 0 ✓" in said.out
    assert "· segment  dormant" in said.out
    assert "从未下单" in said.out


async def test_a_customer_who_is_not_meant_alone_is_asked_for_again(settings: Path):
    assert "3 津门酒行" in refused(zongji("insight", "explain", "酒行", settings=settings))
    assert "nobody" in refused(zongji("insight", "explain", "无此人", settings=settings))
    assert refused(zongji("insight", "explain", "99", settings=settings)) == (
        "There is no customer 99."
    )

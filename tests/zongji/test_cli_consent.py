"""`zongji consent`, on a database of its own."""

from pathlib import Path

from tests.zongji.command import refused, zongji

NUMBER = "13800137777"


async def test_consents_are_noted_listed_and_withdrawn(settings: Path):
    said = zongji(
        "consent", "add", NUMBER, "--proof", "合同 8", "--until", "2199-01-01", settings=settings
    )
    assert said.code == 0, said
    said = zongji("consent", "list", NUMBER, settings=settings)
    assert "until 2199-01-01 for every campaign" in said.out
    assert "合同 8" in said.out
    consent = said.out.split()[0]
    said = zongji("consent", "withdraw", consent, "--reason", "来电要求", settings=settings)
    assert said.code == 0, said
    assert NUMBER not in zongji("consent", "list", settings=settings).out
    assert "holds no more" in zongji("consent", "list", "--over", settings=settings).out
    wrong = zongji("consent", "add", "x", "--proof", "y", settings=settings)
    assert "no telephone number" in refused(wrong)

"""`zongji privacy`, on a database of its own."""

import json
from pathlib import Path

from tests.zongji.command import refused, zongji


async def test_a_person_gets_a_file_and_is_erased(settings: Path, tmp_path: Path):
    enter = ("privacy", "enter", "1", "access", "--identified-by", "call back")
    said = zongji(*enter, settings=settings)
    assert (said.code, said.out.split(",")[0]) == (0, "request 1"), said
    file = tmp_path / "data.json"
    said = zongji("privacy", "export", "1", str(file), settings=settings)
    assert said.code == 0, said
    assert json.loads(file.read_text())["tables"]["customers"][0]["name"] == "海河酒行"
    assert file.stat().st_mode & 0o077 == 0
    again = zongji("privacy", "export", "1", str(file), settings=settings)
    assert "is there already" in refused(again)
    zongji("privacy", "enter", "1", "erasure", "--identified-by", "letter", settings=settings)
    assert "2  erasure  customer 1" in zongji("privacy", "list", settings=settings).out
    said = zongji("privacy", "erase", "2", "--yes", settings=settings)
    assert said.code == 0, said
    assert "1  customer_phones" in said.out
    zongji("privacy", "enter", "2", "erasure", "--identified-by", "letter", settings=settings)
    said = zongji("privacy", "refuse", "3", "--reason", "not the person", settings=settings)
    assert said.out.strip() == "request 3 is refused"
    assert not zongji("privacy", "list", settings=settings).out.strip()

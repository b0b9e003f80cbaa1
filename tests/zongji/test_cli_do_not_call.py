"""`zongji do-not-call`, on a database of its own."""

from pathlib import Path

from tests.zongji.command import refused, zongji

NUMBER = "13800139999"


async def test_numbers_are_entered_explained_and_lifted(settings: Path):
    said = zongji("do-not-call", "add", "+86 13800139999", "--reason", "投诉", settings=settings)
    assert said.code == 0, said
    assert f"{NUMBER} is never dialled from now on" in said.out
    said = zongji("do-not-call", "check", NUMBER, settings=settings)
    assert (said.code, "(do_not_call)" in said.out) == (1, True)
    said = zongji("do-not-call", "list", settings=settings)
    assert f"{NUMBER}" in said.out
    assert " cli " in said.out
    entry = said.out.split()[0]
    said = zongji("do-not-call", "lift", entry, "--reason", "误录", settings=settings)
    assert said.code == 0, said
    assert NUMBER not in zongji("do-not-call", "list", settings=settings).out
    assert "telephone number" in refused(
        zongji("do-not-call", "add", "x", "--reason", "y", settings=settings)
    )


async def test_a_list_comes_out_of_a_file(settings: Path, tmp_path: Path):
    file = tmp_path / "list.csv"
    file.write_text(f"号码\n{NUMBER}\nx\n", encoding="gbk")
    said = zongji("do-not-call", "import", str(file), "--name", "12321", settings=settings)
    assert said.code == 0, said
    assert "2 rows: 1 numbers, 0 doubles, 1 refused" in said.out
    assert (tmp_path / "list-refused.xlsx").exists()
    said = zongji("do-not-call", "check", NUMBER, "--purpose", "callback", settings=settings)
    assert "(imported_do_not_call)" in said.out
    assert "list 12321: 1 numbers" in zongji("do-not-call", "list", settings=settings).out

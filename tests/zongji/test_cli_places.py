"""`zongji places`, on a database of its own."""

from pathlib import Path

from tests.zongji.command import refused, zongji


async def test_segments_go_in_and_out_and_one_number_is_looked_up(settings: Path, tmp_path: Path):
    file = tmp_path / "segments.csv"
    file.write_text(
        "号段,省份,城市,区号\n1380201,河北省,唐山市,315\nx,天津,天津,\n", encoding="gbk"
    )
    said = zongji("places", "import", str(file), settings=settings)
    assert said.code == 0, said
    assert "2 rows: 1 new, 0 changed, 0 as they were, 1 refused" in said.out
    assert (tmp_path / "segments-refused.xlsx").exists()
    said = zongji("places", "find", "+86 138 0201 2345", settings=settings)
    assert said.out == "13802012345: 河北 唐山 0315 (by the imported table)\n"
    said = zongji("places", "export", str(tmp_path / "out.csv"), settings=settings)
    assert said.out.startswith("1 rows in")
    assert "no column" in refused(zongji("places", "import", __file__, settings=settings))

"""Faxes between the PBX and the carrier's fax machines, by T.38 and as sound: what comes out is what went in."""

import asyncio
import uuid
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageDraw

from ami_bridge.agi import AgiSession
from ami_bridge.commands import Originate
from ami_bridge.originations import Originated
from crm_core.outbox.fax import DOTS, WIDTH
from ivr.fax.intake import SCRIPT
from ivr.fax.notes import read_name, read_note
from tests.platform.exchange import DID, Exchange

A_FAX_TAKES_S = 90.0


def sheet(target: Path, *, lines: int = 4) -> Path:
    """A short sheet with marks on it, as faxes are sent."""
    page = Image.new("1", (WIDTH, 300), 1)
    pen = ImageDraw.Draw(page)
    for line in range(lines):
        pen.rectangle((100 + 60 * line, 40 + 60 * line, 900 + 90 * line, 60 + 60 * line), fill=0)
    page.save(target, format="TIFF", compression="group4", dpi=DOTS)
    return target


def same(one: Path, other: Path) -> bool:
    """Every dot of both sheets; a machine may cut or add white lines at the end."""
    with Image.open(one) as a, Image.open(other) as b:
        high = min(a.height, b.height)
        box = (0, 0, WIDTH, high)
        assert a.width == b.width == WIDTH
        cut = [each.convert("L").crop(box) for each in (a, b)]
        return ImageChops.difference(*cut).getbbox() is None and high > 250


async def found(folder: Path, pattern: str, *, besides: set[Path]) -> Path:
    async with asyncio.timeout(A_FAX_TAKES_S):
        while True:
            new = [each for each in folder.glob(pattern) if each not in besides]
            if new:
                return new[0]
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(("last", "mode"), [("21", "audio"), ("22", "T38")])
async def test_a_fax_out_arrives_as_it_was_sent(
    pbx: Exchange, tmp_path: Path, last: str, mode: str
):
    document = sheet(tmp_path / "out.tif")
    told: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
    sounds = pbx.installation.var / "carrier" / "sounds"
    before = set(sounds.glob("fax-*.tif"))

    async def take(session: AgiSession) -> None:
        told.set_result(dict(session.env.query))

    async with asyncio.timeout(A_FAX_TAKES_S):
        while "Avail" not in await pbx.pbx.console("pjsip show contacts"):
            await asyncio.sleep(0.05)
    async with pbx.desk(take), asyncio.timeout(A_FAX_TAKES_S):
        fate = await pbx.ami.originate(
            Originate(
                channel=f"PJSIP/138001380{last}@trunk",
                channel_id=f"zj-{uuid.uuid4().hex}",
                context="zongji-fax",
                caller_id="4006001001",
                timeout_s=20,
                variables={"ZJ_FAX": str(document)},
            )
        )
        assert isinstance(fate, Originated)
        result = await told

    assert (result["status"], result["mode"], result["pages"]) == ("SUCCESS", mode, "1")
    assert same(document, await found(sounds, "fax-*.tif", besides=before))


@pytest.mark.parametrize("t38", [True, False])
async def test_a_fax_in_is_kept_with_a_note_even_without_a_daemon(
    pbx: Exchange, tmp_path: Path, t38: bool
):
    """Its machine is heard while the caller waits in the plain queue."""
    document = sheet(tmp_path / "in.tif")
    incoming = pbx.installation.fax_folder / "incoming"

    call = await pbx.callers.fax("02223456789", DID, document, t38=t38, station="022 2345 6789")
    pbx.calls.append(call)
    note = await found(incoming, "*.note", besides=set())

    sheets = note.with_suffix(".tif")
    said = read_note(note.read_text())
    assert (said["status"], said["mode"]) == ("SUCCESS", "T38" if t38 else "audio")
    assert (said["pages"], said["station"]) == ("1", "022 2345 6789")
    assert same(document, sheets)
    named = read_name(sheets.stem)
    assert named is not None
    assert (named.did, named.number) == (DID, "02223456789")
    note.unlink()
    sheets.unlink()


async def test_a_number_for_faxes_takes_them_at_once_and_tells_the_daemon(
    pbx: Exchange, tmp_path: Path
):
    document = sheet(tmp_path / "in.tif")
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def take(session: AgiSession) -> None:
        if session.env.script.strip("/") == SCRIPT:
            told.set_result(session.env.query["call"])
        else:
            await session.set_variable("ZJ_FAX_IN", "1")

    async with pbx.desk(take), asyncio.timeout(A_FAX_TAKES_S):
        pbx.calls.append(await pbx.callers.fax("02223456789", DID, document))
        call_id = await told

    (sheets,) = (pbx.installation.fax_folder / "incoming").glob(f"*-{call_id}-*.tif")
    assert same(document, sheets)

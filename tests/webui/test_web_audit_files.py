"""The files of the audit trail over HTTP; of a house of their own, because an archive begins with the first seal."""

import pytest

from crm_core.audit.sealing import AuditSealer
from tests.webui.web_house import Browser, House


@pytest.fixture
async def admin(house: House):
    async with house.browser("admin") as browser:
        yield browser


async def test_the_trail_is_taken_out_expires_and_is_held_against_its_files_over_http(
    house: House, admin: Browser
):
    files = house.services.crm.audit._files
    assert files is not None
    async with house.browser("agent") as agent:
        for path in ("exports", "expiries", "archives/check"):
            assert (await agent.ask("POST", f"/api/audit/{path}", {}))[0] == 403
    for wrong in ("../a.jsonl", "a/b.jsonl", ".jsonl", "a.part", "/etc/a.jsonl"):
        status, body = await admin.ask("POST", "/api/audit/exports", {"name": wrong})
        assert (status, body["error"]["code"]) == (422, "invalid")
    status, made = await admin.ask("POST", "/api/audit/exports", {"name": "all.jsonl"})
    assert status == 201, made
    lines = (files.folder / "all.jsonl").read_text().splitlines()
    assert (len(lines), made["name"]) == (made["rows"], "all.jsonl")
    assert (await admin.ask("POST", "/api/audit/exports", {"name": "all.jsonl"}))[0] == 409
    _, body = await admin.ask("GET", "/api/audit?action=audit.export")
    assert [each["actor_name"] for each in body["items"]] == ["admin先生"]
    later = {"name": "old.jsonl", "before": "2199-01-01T00:00:00Z"}
    status, body = await admin.ask("POST", "/api/audit/expiries", later)
    assert (status, body["error"]["fields"]) == (422, {"before": "too recent"})
    status, body = await admin.ask("POST", "/api/audit/expiries", later | {"really": True})
    assert (status, body["name"], body["rows"]) == (200, None, 0)  # nothing is sealed
    await AuditSealer(house.services.database, files.anchor, clock=house.services.clock).run_once()
    _, body = await admin.ask("POST", "/api/audit/verify", {})
    assert (body["seals"], body["unanchored"]) == (1, 0)
    status, moved = await admin.ask("POST", "/api/audit/expiries", later | {"really": True})
    assert status == 200, moved
    assert (moved["name"], moved["seals"]) == ("old.jsonl", 1)
    _, body = await admin.ask("GET", "/api/audit?action=audit.expire")
    assert [each["actor_name"] for each in body["items"]] == ["admin先生"]
    archive = {"name": "old.jsonl"}
    status, body = await admin.ask("POST", "/api/audit/archives/check", archive)
    assert (status, body) == (200, {"seals": 1, "faults": []})
    old = files.folder / "old.jsonl"
    old.write_text("\n".join(old.read_text().splitlines()[:-1]) + "\n")
    _, body = await admin.ask("POST", "/api/audit/archives/check", archive)
    assert [each["seal_id"] for each in body["faults"]] == [1]
    assert (await admin.ask("POST", "/api/audit/archives/check", {"name": "no.jsonl"}))[0] == 422
    files.anchor.write_text(f"1 {'0' * 64} 1 1\n")
    _, body = await admin.ask("POST", "/api/audit/verify", {})
    assert "anchor_mismatch" in {each["kind"] for each in body["faults"]}

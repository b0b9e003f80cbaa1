"""What the commands of the audit trail print.

Rule: pure; nothing that somebody typed can steer the terminal.
"""

import json
from collections.abc import Iterator
from datetime import datetime, tzinfo

from crm_core.audit.findings import Archive, Fault, Report
from crm_core.audit.reading import AuditLine, FieldChange
from crm_core.text import is_control

_SHOWN_FAULTS = 100


def report_lines(report: Report, zone: tzinfo) -> list[str]:
    """The result of a check."""
    return list(_report(report, zone))


def entry_lines(line: AuditLine, zone: tzinfo) -> list[str]:
    """An entry: who did what when, and each value from → to."""
    who = line.actor_name or ("Zongji" if line.actor_id is None else f"user {line.actor_id}")
    head = (
        f"#{line.id}  {_when(line.at, zone)}  {who}  {line.action}  {line.entity} {line.entity_id}"
    )
    told = [_plain(head)]
    if line.redacted_at is not None:
        told.append(f"    emptied on {_when(line.redacted_at, zone)} for a request for deletion")
    return told + [f"    {_change(each)}" for each in line.changes]


def _report(report: Report, zone: tzinfo) -> Iterator[str]:
    yield (
        f"{report.rows} entries, {report.seals} seals; {report.unsealed} entries not yet sealed, "
        f"{report.unanchored} seals not yet in the anchor"
    )
    if report.redacted:
        yield f"{report.redacted} entries were emptied for requests for deletion"
    for archive in report.archives:
        yield _archive(archive, zone)
    if report.archived:
        yield f"{report.archived} entries are archived: their seals are right, hold the files against them"
    if report.head is not None:
        yield f"head: seal {report.head.seal_id} {report.head.hash}"
    for fault in report.faults[:_SHOWN_FAULTS]:
        yield _fault(fault)
    if report.fault_count > _SHOWN_FAULTS:
        yield f"✗ … and {report.fault_count - _SHOWN_FAULTS} more"
    if report.sound:
        yield "✓ nothing was altered"
    else:
        yield f"✗ {report.fault_count} faults: the audit trail was altered"


def _archive(archive: Archive, zone: tzinfo) -> str:
    who = "Zongji" if archive.actor_id is None else f"user {archive.actor_id}"
    return _plain(
        f"archived on {_when(archive.at, zone)} by {who}: {archive.rows} entries up to seal "
        f"{archive.last_seal} in {archive.file}, SHA-256 {archive.sha256}"
    )


def _fault(fault: Fault) -> str:
    where = [
        f"{name} {number}"
        for name, number in (("seal", fault.seal_id), ("entry", fault.row_id))
        if number is not None
    ]
    return _plain(f"✗ {fault.kind}  {', '.join(where) or 'anchor'}: {fault.said}")


def _change(change: FieldChange) -> str:
    return f"{_plain(change.field)}: {_value(change.before)} → {_value(change.after)}"


def _value(value: object) -> str:
    if value is None:
        return "–"
    return _plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _plain(text: str) -> str:
    return "".join(
        sign
        if sign.isprintable() or (sign.isspace() and not is_control(sign) and sign not in "\n\t")
        else sign.encode("unicode_escape", "backslashreplace").decode()
        for sign in text
    )


def _when(at: datetime, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"

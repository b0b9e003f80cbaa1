"""How a transmission went, as Asterisk says it. Rule: pure; whatever the other machine calls itself is only text."""

from collections.abc import Mapping

from crm_core.faxes.views import FaxResult, FaxStatus

_SUCCESS = "SUCCESS"
_LONGEST_STATION, _LONGEST_ERROR = 40, 200


def of_fax_in(said: Mapping[str, str], pages: int) -> FaxResult:
    """When so many sheets can be read; without a word of its end the line or Asterisk went away."""
    status = FaxStatus.PARTIAL if pages else FaxStatus.FAILED
    if said.get("status") == _SUCCESS and pages:
        status = FaxStatus.RECEIVED
    return _result(said, status, pages)


def of_fax_out(said: Mapping[str, str]) -> FaxResult:
    status = FaxStatus.SENT if said.get("status") == _SUCCESS else FaxStatus.FAILED
    return _result(said, status, _whole(said.get("pages")) or 0)


def _result(said: Mapping[str, str], status: FaxStatus, pages: int) -> FaxResult:
    error = None
    if status in (FaxStatus.PARTIAL, FaxStatus.FAILED):
        error = _plain(said.get("error"), _LONGEST_ERROR) or "interrupted"
    return FaxResult(
        status=status,
        mode=_plain(said.get("mode"), 10),
        pages=pages,
        rate=_whole(said.get("rate")),
        station=_plain(said.get("station"), _LONGEST_STATION),
        error=error,
    )


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 9 else None  # noqa: PLR2004


def _plain(text: str | None, longest: int) -> str | None:
    kept = "".join(sign for sign in text or "" if sign.isprintable()).strip()
    return kept[:longest] or None

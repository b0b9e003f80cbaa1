"""A caller who would rather be called back. Rule: a number that is promised a call already is promised no second one."""

from acd.rows import CallRow
from crm_core.errors import DomainError
from ivr.ports import Callbacks

_PROMISED_ALREADY = "callback_exists"


async def ask_for_callback(
    callbacks: Callbacks, number: str | None, queue: str, row: CallRow
) -> str | None:
    """Why there can be no call-back; None when one is promised, now or already."""
    if number is None:
        return "number_hidden"
    try:
        await callbacks.request(
            number,
            queue,
            source="caller_key",
            customer_id=row.customer_id,
            call_id=row.id,
        )
    except DomainError as error:
        return None if error.code == _PROMISED_ALREADY else error.code
    return None

"""Refusals of connections, and what goes wrong with other programs.

DomainError
├── NotFound
│   └── UnknownConnection   no such connection, or it is not active
├── Conflict
│   ├── SecretsUnavailable  of crm_core.vault: no `secrets_key` is set
│   └── NotInThisState      the delivery or paper needs no decision (fields: state)
└── SignatureRefused        a signed request that is not right (fields: reason)

ConnectorError              what another program said; `permanent`: asking again cannot help
"""

from crm_core.errors import Conflict, DomainError, NotFound
from crm_core.text import is_control


class UnknownConnection(NotFound):
    code = "unknown_connection"


class NotInThisState(Conflict):
    code = "not_in_this_state"

    def __init__(self, state: str) -> None:
        super().__init__(
            f"This one is {state}: there is nothing to decide.", fields={"state": state}
        )


class SignatureRefused(DomainError):
    code = "signature_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(f"This request is not taken: {reason}.", fields={"reason": reason})


class ConnectorError(Exception):
    """A paper that was not taken, with a code that screens translate."""

    def __init__(self, code: str, reason: str, *, permanent: bool) -> None:
        """The reason may be the other side's words: what cannot be shown is left out."""
        shown = "".join(sign for sign in reason if not is_control(sign))
        super().__init__(shown)
        self.code = code
        self.reason = shown
        self.permanent = permanent

"""Refusals a user may meet. Rule: each has a stable `code`, which screens translate, and a sentence
that says what is wrong and how to mend it.

    DomainError
    ├── NotFound              there is no such record
    ├── Invalid               a value cannot be accepted (fields names which)
    ├── Forbidden             the role does not allow it
    ├── Conflict              the record has changed or is in another state
    │   └── NumberTaken       another customer has this telephone number
    ├── LoginRefused          login and password do not belong together
    │   └── TooManyAttempts   wait (fields: retry_after_s) before the next attempt
    └── DatabaseUnavailable   PostgreSQL is away; nothing was changed
        └── CommitUnknown     PostgreSQL went away while it was saving
"""

from collections.abc import Mapping


class DomainError(Exception):
    """Base of every refusal. `fields` names the inputs concerned and what is wrong with each."""

    code = "refused"

    def __init__(self, message: str, *, fields: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = dict(fields or {})


class NotFound(DomainError):
    code = "not_found"


class Invalid(DomainError):
    code = "invalid"


class Forbidden(DomainError):
    code = "forbidden"


class Conflict(DomainError):
    code = "conflict"


class NumberTaken(Conflict):
    code = "number_taken"


class LoginRefused(DomainError):
    code = "login_refused"


class TooManyAttempts(LoginRefused):
    code = "too_many_attempts"


class DatabaseUnavailable(DomainError):
    code = "database_unavailable"


class CommitUnknown(DatabaseUnavailable):
    code = "commit_unknown"

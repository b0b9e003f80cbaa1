"""Refusals around log-ins that a screen must tell apart.

DomainError
├── LoginRefused
│   ├── SecondFactorRequired      the password is right: send the code too
│   └── SecondFactorRefused       the code is wrong or was used before
├── Forbidden
│   ├── Held                      first change the password, or enrol an authenticator
│   └── BeyondOwnRights           the other person's role holds what one lacks oneself
├── Conflict
│   └── SecondFactorUnavailable   no key is set, so that authenticators cannot be read
└── Invalid
    └── WrongPassword             the present password, asked for once more, is another one
"""

from crm_core.errors import Conflict, Forbidden, Invalid, LoginRefused
from crm_core.rights import Hold


class SecondFactorRequired(LoginRefused):
    code = "second_factor_required"


class SecondFactorRefused(LoginRefused):
    code = "second_factor_refused"


class SecondFactorUnavailable(Conflict):
    code = "second_factor_unavailable"


class WrongPassword(Invalid):
    code = "wrong_password"


class BeyondOwnRights(Forbidden):
    code = "beyond_own_rights"


class Held(Forbidden):
    """Its code is the hold."""

    def __init__(self, hold: Hold) -> None:
        super().__init__(_WORDS[hold])
        self.code = str(hold)


_WORDS = {
    Hold.PASSWORD: "Your password was set by somebody else, or is too old: choose a new one of your own first.",
    Hold.SECOND_FACTOR: "Your role asks for a second factor: enrol an authenticator first.",
}

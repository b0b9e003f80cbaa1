"""Refusals of the dialler.

DomainError
├── DoNotCallNumber    the number is on the do-not-call list
├── CallbackExists     the number already waits for a call-back
├── LiftedRefusal      the entry of the list was lifted before
└── NotDialable        no number that can be dialled
"""

from crm_core.errors import Conflict, DomainError, Invalid


class DoNotCallNumber(DomainError):
    code = "do_not_call"


class CallbackExists(Conflict):
    code = "callback_exists"


class LiftedRefusal(Conflict):
    code = "lifted_before"


class NotDialable(Invalid):
    code = "not_dialable"

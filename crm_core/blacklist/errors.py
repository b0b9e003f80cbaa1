"""Refusals of the blacklist.

Conflict
├── AlreadyListed   an entry with this number holds
└── LiftedBefore    the entry was lifted already
"""

from crm_core.errors import Conflict


class AlreadyListed(Conflict):
    code = "already_listed"


class LiftedBefore(Conflict):
    code = "lifted_before"

"""Refusals of the ACD. Rule: each names the agent, queue or call concerned and the way out.

NotFound
├── UnknownAgent        nobody with this id is logged in
└── UnknownQueue        the line plan has no such queue
Conflict
├── NotAllowedNow       the agent's state does not permit the command
├── ExtensionTaken      another agent is logged in at this extension
├── NotRecorded         nothing is being recorded, so that nothing can pause
├── PauseUncertain      Asterisk did not confirm that it pauses, or goes on
├── NotTalking          the agent does not talk in the call (any more)
└── HangUpUncertain     Asterisk did not confirm that it hung up
"""

from crm_core.errors import Conflict, NotFound


class UnknownAgent(NotFound):
    code = "unknown_agent"


class UnknownQueue(NotFound):
    code = "unknown_queue"


class NotAllowedNow(Conflict):
    code = "not_allowed_now"


class ExtensionTaken(Conflict):
    code = "extension_taken"


class NotRecorded(Conflict):
    code = "not_recorded"


class PauseUncertain(Conflict):
    code = "pause_uncertain"


class NotTalking(Conflict):
    code = "not_talking"


class HangUpUncertain(Conflict):
    code = "hang_up_uncertain"

"""What can go wrong between us and Asterisk. Rule: each has a stable `code`; an error says whose fault
it is, ours (UnsafeValue), the peer's (PeerError) or the world's.

    AmiBridgeError
    ├── UnsafeValue      a value that would break out of its place in a message; nothing was sent
    ├── PeerError        the far end broke the rules of its protocol
    ├── LinkDown         no link to Asterisk (`sent` tells whether the action had been written)
    ├── ActionRefused    Asterisk answered with an error
    ├── ActionTimedOut   no answer before the deadline
    ├── AgiRefused       Asterisk did not understand or accept an AGI command
    └── CallerHungUp     the channel of this AGI session is gone
"""


class AmiBridgeError(Exception):
    code = "asterisk_error"


class UnsafeValue(AmiBridgeError):
    code = "unsafe_value"


class PeerError(AmiBridgeError):
    code = "peer_error"


class LinkDown(AmiBridgeError):
    """`sent` is false when Asterisk cannot have seen the action."""

    code = "link_down"

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class ActionRefused(AmiBridgeError):
    code = "action_refused"


class ActionTimedOut(AmiBridgeError):
    code = "action_timed_out"


class AgiRefused(AmiBridgeError):
    code = "agi_refused"


class CallerHungUp(AmiBridgeError):
    code = "caller_hung_up"

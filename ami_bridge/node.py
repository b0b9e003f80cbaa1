"""Where one Asterisk is, and how patient we are with it. Rule: every wait in this package is a number
here, in seconds, so that tests and slow networks can choose their own.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """A link counts as dead when a ping is unanswered for `ping_deadline_s`."""

    name: str
    host: str
    port: int
    username: str
    secret: str = field(repr=False)
    ping_interval_s: float = 2.0
    ping_deadline_s: float = 3.0
    connect_deadline_s: float = 3.0
    login_deadline_s: float = 5.0
    booted_deadline_s: float = 10.0
    list_deadline_s: float = 10.0
    reconnect_first_s: float = 0.1
    reconnect_most_s: float = 3.0
    queue_limit: int = 50_000
    originate_margin_s: float = 5.0
    fate_grace_s: float = 2.0

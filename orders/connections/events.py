"""What connections tell the rest of the daemon, on the bus. Rule: published after the commit."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class WebhookPaused:
    """It is asked no more until a person resumes it; `reason`: failing, gone, owner_gone."""

    webhook_id: int
    name: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PaperRefused:
    """A paper of another program waits for a person."""

    document_id: int
    connection: str
    code: str
    at: datetime

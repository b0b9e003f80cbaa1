"""E-mail over SMTP. Rule: until the server has been given the text, a failure means it was not sent;
from then on only the server's answer says so. The Message-ID is made from the token, so a double can
be recognised, but SMTP does not remove it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import aiosmtplib

from crm_core.outbox.ports import (
    NEVER,
    Attachment,
    Attachments,
    MaybeSent,
    Message,
    NotNow,
    NotSent,
    nothing_attached,
)
from crm_core.outbox.wording import WordBook, Wording

_PERMANENT = 500
_SERVICE_NOT_AVAILABLE = 421


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail goes out; `start_tls` demands it, `timeout_s` holds for each answer."""

    host: str
    port: int
    sender: str
    username: str | None = None
    password: str | None = None
    start_tls: bool = False
    timeout_s: float = 20.0


class EmailNotifier:
    """One connection a message: mail servers close idle ones without a word."""

    channel = "email"
    removes_doubles_within = NEVER

    def __init__(
        self,
        server: MailServer,
        *,
        words: WordBook,
        clock: Callable[[], datetime],
        attachments: Attachments = nothing_attached,
    ) -> None:
        self._server = server
        self._words = words
        self._clock = clock
        self._attachments = attachments

    async def send(self, message: Message) -> str:
        """Returns the Message-ID. Raises NotSent, NotNow, MaybeSent."""
        words = await self._words.of(message, self.channel)
        mail = self._compose(message, words, await self._attachments(message))
        client = aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            timeout=self._server.timeout_s,
            start_tls=self._server.start_tls,
            username=self._server.username,
            password=self._server.password,
        )
        try:
            await self._offer(client, message.recipient)
            await _hand_over(client, mail.as_bytes(policy=SMTP))
        finally:
            client.close()
        return str(mail["Message-ID"])

    def _compose(
        self, message: Message, words: Wording, attached: Attachment | None
    ) -> EmailMessage:
        mail = EmailMessage()
        try:
            mail["From"] = self._server.sender
            mail["To"] = message.recipient
            mail["Subject"] = words.subject
        except (ValueError, LookupError) as error:
            raise NotSent(f"the address cannot be used: {error}", permanent=True) from error
        mail["Message-ID"] = f"<{message.token}@{self._server.sender.rpartition('@')[2]}>"
        mail["Date"] = format_datetime(self._clock())
        mail.set_content(words.body)
        if attached is not None:
            mail.add_attachment(
                attached.content, maintype="application", subtype="pdf", filename=attached.name
            )
        return mail

    async def _offer(self, client: aiosmtplib.SMTP, recipient: str) -> None:
        try:
            await client.connect()
            await client.mail(self._server.sender)
            await client.rcpt(recipient)
        except aiosmtplib.SMTPAuthenticationError as error:
            raise NotNow(f"the mail server's log-in failed: {error}") from error
        except aiosmtplib.SMTPResponseException as error:
            raise _refused(error) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise NotNow(f"no mail server took it: {error}") from error
        except ValueError as error:
            raise NotSent(f"the address cannot be used: {error}", permanent=True) from error


async def _hand_over(client: aiosmtplib.SMTP, content: bytes) -> None:
    try:
        await client.data(content)
    except aiosmtplib.SMTPResponseException as error:
        raise _refused(error) from error
    except (aiosmtplib.SMTPException, OSError, asyncio.IncompleteReadError) as error:
        raise MaybeSent(f"the mail server's answer was lost: {error}") from error


def _refused(error: aiosmtplib.SMTPResponseException) -> NotSent | NotNow:
    if error.code == _SERVICE_NOT_AVAILABLE:
        return NotNow(f"{error.code} {error.message}")
    return NotSent(f"{error.code} {error.message}", permanent=error.code >= _PERMANENT)

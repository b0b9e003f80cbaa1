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

from crm_core.outbox.ports import MaybeSent, Message, NotSent
from crm_core.outbox.wording import Words, wording

_PERMANENT = 500


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
    removes_doubles = False

    def __init__(
        self, server: MailServer, *, company: str, words: Words, clock: Callable[[], datetime]
    ) -> None:
        self._server = server
        self._company = company
        self._words = words
        self._clock = clock

    async def send(self, message: Message) -> str:
        """Returns the Message-ID. Raises NotSent, MaybeSent."""
        mail = self._compose(message)
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

    def _compose(self, message: Message) -> EmailMessage:
        words = wording(message, self._company, self._words)
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
        return mail

    async def _offer(self, client: aiosmtplib.SMTP, recipient: str) -> None:
        try:
            await client.connect()
            await client.mail(self._server.sender)
            await client.rcpt(recipient)
        except aiosmtplib.SMTPAuthenticationError as error:
            raise NotSent(f"the mail server's log-in failed: {error}", permanent=False) from error
        except aiosmtplib.SMTPResponseException as error:
            raise _refused(error) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            permanent = isinstance(error, ValueError)
            raise NotSent(f"no mail server took it: {error}", permanent=permanent) from error


async def _hand_over(client: aiosmtplib.SMTP, content: bytes) -> None:
    try:
        await client.data(content)
    except aiosmtplib.SMTPResponseException as error:
        raise _refused(error) from error
    except (aiosmtplib.SMTPException, OSError, asyncio.IncompleteReadError) as error:
        raise MaybeSent(f"the mail server's answer was lost: {error}") from error


def _refused(error: aiosmtplib.SMTPResponseException) -> NotSent:
    return NotSent(f"{error.code} {error.message}", permanent=error.code >= _PERMANENT)

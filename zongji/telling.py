"""The ways of telling customers for which there are settings, and the worker that uses them."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.outbox.email import EmailNotifier, MailServer
from crm_core.outbox.fax import FaxNotifier
from crm_core.outbox.flow import Pace
from crm_core.outbox.ports import Notifier
from crm_core.outbox.sms_aliyun import AliyunAccount, AliyunSms
from crm_core.outbox.sms_tencent import TencentAccount, TencentSms, TencentTemplate
from crm_core.outbox.store import OutboxStore
from crm_core.outbox.voice import VoiceNotifier
from crm_core.outbox.wecom import WeComApp, WeComGroup, WeComPerson
from crm_core.outbox.wording import WordBook
from crm_core.outbox.worker import OutboxWorker
from dialer.law import Law
from dialer.message_calls import MessageCalls
from dialer.ports import PlainLine
from dialer.store import DialerStore
from ivr.tts import TextToSpeech
from orders.offers.papers import QuotePapers
from orders.payments.events import PaymentBooked
from orders.progress import links
from orders.sales.events import OrderMoved, OrderPlaced
from zongji.core import WORDS, link_terms, now, sender
from zongji.message_settings import (
    AliyunSettings,
    FaxSettings,
    MailSettings,
    TencentSettings,
    VoiceSettings,
    WeComSettings,
)
from zongji.settings import Settings


def speech(settings: Settings) -> TextToSpeech:
    """What speaks texts that become known only while Zongji runs."""
    voice = settings.voice or VoiceSettings()
    return TextToSpeech(voice.espeak, voice.sox)


def message_calls(
    settings: Settings, database: Database, line: PlainLine, law: Law
) -> MessageCalls:
    """The line for messages that are said or faxed."""
    voice, spoken = settings.voice or VoiceSettings(), speech(settings)
    return MessageCalls(
        DialerStore(database),
        line,
        speak=lambda text, language, target: spoken.speak(
            text, "en" if language == "en" else "zh", target
        ),
        folder=settings.var / "said",
        clock=now,
        law=law,
        needs_key=voice.needs_key,
    )


def notifiers(
    settings: Settings, database: Database, calls: MessageCalls, stack: AsyncExitStack
) -> list[Notifier]:
    """They are closed by the stack."""
    book = WordBook(WORDS, settings.company, database=database)
    found: list[Notifier] = []
    if settings.mail is not None:
        papers = QuotePapers(
            database,
            clock=now,
            zone=settings.zone,
            sender=sender(settings),
            font=settings.paper_font,
        )
        server = _mail_server(settings.mail)
        found.append(EmailNotifier(server, words=book, clock=now, attachments=papers.attached))
    if settings.sms is not None:
        sms = _sms(settings.sms)
        stack.push_async_callback(sms.close)
        found.append(sms)
    if settings.wecom is not None:
        for each in _wecom(settings.wecom, book):
            stack.push_async_callback(each.close)
            found.append(each)
    if settings.voice is not None:
        found.append(VoiceNotifier(calls, book))
    if settings.fax is not None:
        sheets = settings.var / "said"
        found.append(FaxNotifier(calls, book, font=settings.fax.font, folder=sheets))
    return found


async def start_outbox(
    settings: Settings,
    database: Database,
    bus: Bus,
    ways: Sequence[Notifier],
    stack: AsyncExitStack,
) -> None:
    """Messages go out until the stack is closed."""
    outbox = OutboxWorker(
        OutboxStore(database),
        ways,
        bus,
        clock=now,
        wakes_on=(OrderPlaced, OrderMoved, PaymentBooked),
        paces=_paces(settings, ways),
        beside=links.beside(link_terms(settings)),
    )
    await outbox.start()
    stack.push_async_callback(outbox.close)


def _paces(settings: Settings, ways: Sequence[Notifier]) -> Mapping[str, Pace]:
    wanted = settings.messages
    burst = max(int(wanted.per_s), 1)
    paces = {each.channel: Pace(wanted.per_s, burst, wanted.at_once) for each in ways}
    if settings.voice is not None:
        paces["voice"] = _by_call(settings.voice)
    if settings.fax is not None:
        paces["fax"] = _by_call(settings.fax)
    return paces


def _by_call(channel: VoiceSettings | FaxSettings) -> Pace:
    many = channel.at_once
    return Pace(per_s=many, burst=many, at_once=many, attempts=channel.attempts)


def _mail_server(mail: MailSettings) -> MailServer:
    password = mail.password.get_secret_value() if mail.password else None
    return MailServer(mail.host, mail.port, mail.sender, mail.username, password, mail.start_tls)


def _sms(sms: AliyunSettings | TencentSettings) -> AliyunSms | TencentSms:
    if isinstance(sms, AliyunSettings):
        secret = sms.access_key_secret.get_secret_value()
        account = AliyunAccount(
            sms.endpoint, sms.access_key_id, secret, sms.sign_name, sms.templates
        )
        return AliyunSms(account, clock=now)
    templates = {
        kind: TencentTemplate(each.id, each.params) for kind, each in sms.templates.items()
    }
    return TencentSms(
        TencentAccount(
            sms.endpoint,
            sms.secret_id,
            sms.secret_key.get_secret_value(),
            sms.app_id,
            sms.sign_name,
            sms.region,
            templates,
        ),
        clock=now,
    )


def _wecom(wecom: WeComSettings, book: WordBook) -> Sequence[WeComGroup | WeComPerson]:
    group = WeComGroup(book, endpoint=wecom.endpoint)
    if wecom.corp_id is None or wecom.secret is None or wecom.agent_id is None:
        return (group,)
    app = WeComApp(wecom.corp_id, wecom.secret.get_secret_value(), wecom.agent_id, wecom.endpoint)
    return (group, WeComPerson(app, book, clock=now))

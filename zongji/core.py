"""The SQL core with what other packages tell it, put together alike for the daemon and the command line."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from acd import tables as acd_tables
from acd import timeline as acd_timeline
from acd.contact_source import CallContacts
from acd.obstacles import held_recordings, live_calls
from crm_core import tables as crm_tables
from crm_core.audit.service import AuditFiles
from crm_core.bus import Bus
from crm_core.care.ports import CareSources
from crm_core.db import Database
from crm_core.insight.ports import Sources
from crm_core.leads.wording import LEAD_WORDS
from crm_core.notices.wording import NOTICE_WORDS
from crm_core.people.login_limits import Allowance, LoginLimits
from crm_core.people.login_sessions import Lifetimes
from crm_core.people.passwords import PasswordRules
from crm_core.people.policy import AccountPolicy
from crm_core.pins.rules import PinRules
from crm_core.places import reach
from crm_core.places.finder import Places
from crm_core.rights import Right
from crm_core.services import Crm
from dialer import tables as dialer_tables
from dialer.do_not_call.files import ListFiles
from dialer.notice_source import never_called
from ivr import tables as ivr_tables
from ivr.self_service.counter import Terms
from orders import tables as order_tables
from orders.aftersales import timeline as aftersales_timeline
from orders.aftersales.wording import AFTERSALES_WORDS
from orders.delivery.papers.content import Sender
from orders.offers.wording import QUOTE_WORDS
from orders.payments.wording import PAYMENT_WORDS
from orders.progress.links import LinkTerms
from orders.sales import quotes
from orders.sales import timeline as order_timeline
from orders.sales.assortment import Span
from orders.sales.benefit_source import has_delivery
from orders.sales.care_source import OrderBeginnings, OrderDeliveries
from orders.sales.complaint_source import is_order_of
from orders.sales.obstacles import open_orders
from orders.sales.sales_source import OrderSales
from orders.sales.wording import ORDER_WORDS
from zongji import settings as used
from zongji.settings import Settings

TABLES = (acd_tables, crm_tables, dialer_tables, ivr_tables, order_tables)
"""Imported, so that whatever goes through all tables finds all, and each those that it refers to."""
WORDS = ORDER_WORDS | NOTICE_WORDS | PAYMENT_WORDS | AFTERSALES_WORDS | QUOTE_WORDS | LEAD_WORDS
"""What customers are told, as shipped."""

_PATIENT_S = 300
T = TypeVar("T")


def now() -> datetime:
    return datetime.now(UTC)


def insight_sources(settings: Settings) -> Sources:
    """Sales are orders, conversations are calls, days are those of the company's zone."""
    return Sources(OrderSales(settings.zone), CallContacts(), settings.zone)


def sender(settings: Settings) -> Sender:
    """Who stands on papers."""
    given = settings.sender
    return Sender(given.name or settings.company, given.phone, given.address, given.postcode)


def link_terms(settings: Settings) -> LinkTerms:
    """How customers are sent to the pages of their orders."""
    return LinkTerms(
        settings.web.customers_address,
        tuple(key.get_secret_value().encode() for key in settings.links.keys),
        settings.links.days,
        settings.links.show_prices,
        settings.company,
    )


def care_sources(settings: Settings) -> CareSources:
    """Deliveries and first orders, on the days of the company's zone."""
    return CareSources(OrderDeliveries(), OrderBeginnings(), settings.zone)


def core(
    settings: Settings, database: Database, bus: Bus, *, channels: Collection[str] = ()
) -> Crm:
    """None of it is started."""
    return Crm.of(
        database,
        bus,
        now,
        files=settings.var / "exchange",
        told=(
            (None, acd_timeline.entries),
            (Right.ORDER_VIEW, order_timeline.entries),
            (Right.ORDER_VIEW, quotes.entries),
            (Right.ORDER_VIEW, aftersales_timeline.returns),
            (Right.ORDER_VIEW, aftersales_timeline.exceptions),
        ),
        sources=insight_sources(settings),
        channels=channels,
        care=care_sources(settings),
        has_delivery=has_delivery,
        is_order_of=is_order_of,
        never_called=never_called,
        obstacles=(open_orders, live_calls, held_recordings),
        secrets_key=secrets_key(settings),
        account_policy=account_policy(settings),
        words=WORDS,
        company=settings.company,
        exports_per_day=settings.exports_per_day,
        pin_rules=pin_rules(settings),
        audit_files=AuditFiles(settings.audit_anchor, settings.audit_archives),
        folders={
            "faxes": settings.fax_folder,
            **(
                dict.fromkeys(("recordings", "voicemails"), settings.recordings)
                if settings.recordings
                else {}
            ),
        },
    )


def list_files(database: Database) -> ListFiles:
    """Imports of do-not-call lists, whose files lie with all others of the exchange."""
    return ListFiles(database, used.load().var / "exchange", clock=now)


def pin_rules(settings: Settings) -> PinRules:
    chosen = settings.self_service
    return PinRules(chosen.shortest_pin, chosen.pin_tries, timedelta(minutes=chosen.pin_lock_min))


def self_service_terms(settings: Settings) -> Terms:
    """What callers are told of the assortment."""
    chosen = settings.self_service
    return Terms(
        best_sellers=Span(chosen.best_sellers_days, chosen.best_sellers),
        new_products=Span(chosen.new_products_days, chosen.new_products),
    )


def right_to_dial(settings: Settings, places: Places) -> Callable[[str], Right]:
    """The right that a number needs, by how far it is from the company."""
    return partial(reach.right_to_dial, places=places, home_area_code=settings.home_area_code)


def account_policy(settings: Settings) -> AccountPolicy:
    """What is asked of passwords and log-ins."""
    chosen = settings.accounts
    age = chosen.password_days
    return AccountPolicy(
        rules=PasswordRules(chosen.shortest_password, chosen.remembered_passwords),
        password_age=None if age is None else timedelta(days=age),
        lifetimes=Lifetimes(
            idle=timedelta(minutes=chosen.idle_min), absolute=timedelta(hours=chosen.session_hours)
        ),
        limits=LoginLimits(
            login=Allowance(free=chosen.tries), address=Allowance(free=chosen.tries_per_address)
        ),
    )


def secrets_key(settings: Settings) -> bytes | None:
    key = settings.secrets_key
    return None if key is None else key.get_secret_value().encode()


def connected(work: Callable[[Database, Crm], Awaitable[T]]) -> T:
    """What a command does with the core; statements may take long. Raises DatabaseUnavailable."""

    async def run() -> T:
        settings = used.load()
        url = settings.database_url.get_secret_value()
        database = Database(url, statement_timeout_s=_PATIENT_S)
        crm = core(settings, database, Bus())
        try:
            return await work(database, crm)
        finally:
            await crm.customers.close()
            await database.close()

    return asyncio.run(run())

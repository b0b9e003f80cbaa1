"""The services of the SQL core, made once for whoever composes a program of them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from crm_core.audit.service import AuditFiles, AuditTrail
from crm_core.benefits.ports import HasDelivery, nothing_delivered
from crm_core.benefits.service import BenefitService
from crm_core.bus import Bus
from crm_core.care.ports import CareSources
from crm_core.care.service import CareService
from crm_core.complaints.ports import IsOrderOf, any_order
from crm_core.complaints.service import ComplaintService
from crm_core.customers.channel import ChannelService
from crm_core.customers.custom_fields import CustomFieldService
from crm_core.customers.family import FamilyService
from crm_core.customers.history import HistoryService, Source
from crm_core.customers.merging import MergeService
from crm_core.customers.search import SearchService
from crm_core.customers.service import CustomerService
from crm_core.db import Database
from crm_core.dealers.service import DealerService
from crm_core.exchange.exporting import ExportService
from crm_core.exchange.importing import ImportService
from crm_core.exchange.limits import PER_DAY, ExportLimits
from crm_core.exchange.place_files import PlaceFiles
from crm_core.faxes.service import FaxService
from crm_core.insight.ports import Sources
from crm_core.insight.service import InsightService
from crm_core.knowledge.service import KnowledgeService
from crm_core.leads.service import LeadService
from crm_core.messages.service import MessageService
from crm_core.messages.templates import TemplateService
from crm_core.notices import timeline as notice_timeline
from crm_core.notices.ports import NeverCalled, nobody_refuses
from crm_core.notices.service import NoticeService
from crm_core.outbox.wording import WordBook, Words
from crm_core.people.accounts import AccountService
from crm_core.people.groups import GroupService
from crm_core.people.policy import AccountPolicy
from crm_core.people.roles import RoleService
from crm_core.people.skill_board import SkillBoard
from crm_core.people.skills import SkillService
from crm_core.people.tokens import TokenService
from crm_core.people.units import UnitService
from crm_core.pins.rules import PinRules
from crm_core.pins.service import PinService
from crm_core.privacy.ports import Obstacle
from crm_core.privacy.service import PrivacyService
from crm_core.request_keys.service import RequestKeys
from crm_core.rights import Right
from crm_core.todos.service import TodoService


@dataclass(frozen=True, slots=True)
class Crm:
    """One of each."""

    accounts: AccountService
    complaints: ComplaintService
    audit: AuditTrail
    customers: CustomerService
    search: SearchService
    history: HistoryService
    imports: ImportService
    place_files: PlaceFiles
    exports: ExportService
    export_limits: ExportLimits
    family: FamilyService
    faxes: FaxService
    insight: InsightService
    channel: ChannelService
    merging: MergeService
    custom_fields: CustomFieldService
    roles: RoleService
    units: UnitService
    groups: GroupService
    skills: SkillService
    skill_board: SkillBoard
    knowledge: KnowledgeService
    leads: LeadService
    messages: MessageService
    templates: TemplateService
    notices: NoticeService
    pins: PinService
    privacy: PrivacyService
    todos: TodoService
    benefits: BenefitService
    care: CareService
    dealers: DealerService
    tokens: TokenService
    request_keys: RequestKeys

    @classmethod
    def of(
        cls,
        database: Database,
        bus: Bus,
        clock: Callable[[], datetime],
        *,
        files: Path,
        told: Sequence[tuple[Right | None, Source]] = (),
        sources: Sources | None = None,
        channels: Collection[str] = (),
        obstacles: Sequence[Obstacle] = (),
        folders: Mapping[str, Path] | None = None,
        care: CareSources | None = None,
        has_delivery: HasDelivery = nothing_delivered,
        is_order_of: IsOrderOf = any_order,
        never_called: NeverCalled = nobody_refuses,
        secrets_key: bytes | None = None,
        account_policy: AccountPolicy | None = None,
        words: Words | None = None,
        company: str = "",
        exports_per_day: int = PER_DAY,
        pin_rules: PinRules | None = None,
        audit_files: AuditFiles | None = None,
    ) -> Self:
        """None is started; `files` is where imports and exports lie.

        `told` are what other packages tell of a customer's history, and the right that it needs;
        `sources` what they tell of sales and conversations; `channels` are
        the ways of telling customers for which there is a connector; `obstacles` and `folders` are
        for erasing a person (see PrivacyService); `care` is what they tell of deliveries and first
        orders, and the company's time zone; `has_delivery` says whether a customer had one,
        `is_order_of` whose an order is; `never_called` gives
        the numbers that are never called. Without `secrets_key` nobody can enrol an authenticator;
        `account_policy` is what is asked of passwords and log-ins.
        `words` are what messages to customers say as shipped, `company` is who says it.
        `exports_per_day`: how many customers a person may take out, whose role has no limit of its own.
        `pin_rules` is what is asked of the PINs of dealers; `audit_files` is what of the trail lies outside the database.
        """
        care = care or CareSources()
        search = SearchService(database)
        limits = ExportLimits(database, exports_per_day)
        customers = CustomerService(database)
        complaints = ComplaintService(database, clock=clock, is_order_of=is_order_of)
        todos = TodoService(database, clock=clock)
        benefits = BenefitService(database, clock=clock, zone=care.zone, has_delivery=has_delivery)
        leads = LeadService(database, clock=clock, channels=channels, zone=care.zone)
        book = WordBook(words or Words({}, {}), company, database=database)
        own = (
            (Right.COMPLAINT_WORK, complaints.entries),
            (Right.TODO_WORK, todos.entries),
            (None, notice_timeline.entries),
            (None, benefits.entries),
            (Right.LEAD_WORK, leads.entries),
        )
        return cls(
            accounts=AccountService(
                database, clock=clock, policy=account_policy, secrets_key=secrets_key
            ),
            complaints=complaints,
            audit=AuditTrail(database, clock=clock, files=audit_files),
            customers=customers,
            search=search,
            history=HistoryService(database, (*own, *told)),
            imports=ImportService(database, files, clock=clock),
            place_files=PlaceFiles(database, files, clock=clock),
            exports=ExportService(database, files, search, clock=clock, limits=limits),
            export_limits=limits,
            family=FamilyService(database),
            faxes=FaxService(database),
            insight=InsightService(database, sources or Sources(), clock=clock),
            channel=ChannelService(database),
            merging=MergeService(database),
            custom_fields=CustomFieldService(database),
            roles=RoleService(database),
            units=UnitService(database),
            groups=GroupService(database),
            skills=SkillService(database),
            skill_board=SkillBoard(database),
            knowledge=KnowledgeService(database, bus, clock=clock),
            leads=leads,
            messages=MessageService(database, book, clock=clock),
            templates=TemplateService(database, book, clock=clock),
            notices=NoticeService(
                database,
                clock=clock,
                zone=care.zone,
                channels=channels,
                never_called=never_called,
            ),
            pins=PinService(database, clock=clock, rules=pin_rules),
            privacy=PrivacyService(
                database,
                clock=clock,
                obstacles=obstacles,
                folders=folders,
                on_erased=customers.forget,
            ),
            todos=todos,
            benefits=benefits,
            care=CareService(database, care, clock=clock),
            dealers=DealerService(database, clock=clock, zone=care.zone),
            tokens=TokenService(database, clock=clock),
            request_keys=RequestKeys(database, clock=clock),
        )

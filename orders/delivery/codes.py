"""The words of delivery: kinds of couriers, ways, states of a waybill, what couriers say."""

from enum import StrEnum


class CourierKind(StrEnum):
    EMS = "ems"
    POST = "post"
    EXPRESS = "express"
    OWN = "own"


class Way(StrEnum):
    """How the customer wants it; what is collected by the customer itself has no courier."""

    STANDARD = "standard"
    URGENT = "urgent"
    SELF_COLLECTION = "self_collection"


class Check(StrEnum):
    """How a waybill's number is known to be right."""

    NONE = "none"
    S10 = "s10"


class WaybillKind(StrEnum):
    OUTWARD = "outward"
    RETURN = "return"


class State(StrEnum):
    CREATED = "created"
    HANDED_OVER = "handed_over"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    REFUSED = "refused"
    LOST = "lost"
    RETURNED = "returned"
    VOID = "void"


class EventCode(StrEnum):
    """What a courier says of a parcel."""

    ACCEPTED = "accepted"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    NOT_DELIVERED = "not_delivered"
    DELIVERED = "delivered"
    REFUSED = "refused"
    LOST = "lost"
    RETURNED = "returned"


class Outcome(StrEnum):
    """What an event did: moved the waybill, nothing more to do, or nothing that is allowed."""

    APPLIED = "applied"
    NOTED = "noted"
    CONFLICT = "conflict"


class Source(StrEnum):
    API = "api"
    IMPORT = "import"
    PERSON = "person"
    DRIVER = "driver"


class RunState(StrEnum):
    PLANNED = "planned"
    LOADED = "loaded"
    OUT = "out"
    SETTLED = "settled"
    CANCELLED = "cancelled"


class StopResult(StrEnum):
    DELIVERED = "delivered"
    REFUSED = "refused"
    NOT_DELIVERED = "not_delivered"

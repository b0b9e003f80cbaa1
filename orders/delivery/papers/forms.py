"""The forms in which shipping papers are printed."""

from enum import StrEnum


class Form(StrEnum):
    EMS_150 = "ems_100x150"
    EMS_180 = "ems_100x180"
    POST = "post_parcel"
    EXPRESS = "express_100x150"
    NOTE_A5 = "delivery_note_a5"
    NOTE_A4 = "delivery_note_a4"

"""Refusals on the customer's page. Rule: a link that is unknown, forged, expired or revoked is refused in the same
words, so that nobody learns which orders there are.

DomainError
├── NotFound
│   └── LinkNotValid      this link shows nothing (any longer)
└── Conflict
    ├── TooLateToChange   the goods are being packed or on their way (fields: status)
    ├── NotDelivered      no courier goes to the new address (fields: province, city)
    └── LinksNotSet       the settings have no address or key for links
"""

from crm_core.errors import Conflict, NotFound


class LinkNotValid(NotFound):
    code = "link_not_valid"

    def __init__(self) -> None:
        super().__init__("This link is not valid, or no longer: ask us for a new one.")


class TooLateToChange(Conflict):
    code = "too_late_to_change"

    def __init__(self, status: str) -> None:
        super().__init__(
            "It is too late to change this order here: call us, and we see what can be done.",
            fields={"status": status},
        )


class NotDelivered(Conflict):
    code = "not_delivered_there"

    def __init__(self, province: str, city: str) -> None:
        super().__init__(
            "None of our couriers delivers to this address: give another one, or call us.",
            fields={"province": province, "city": city},
        )


class LinksNotSet(Conflict):
    code = "links_not_set"

    def __init__(self) -> None:
        super().__init__("Links need an address and a key: set web.public_url and links.keys.")

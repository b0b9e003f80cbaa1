"""Which of the provider's templates says a message. Rule: a template of the message's language comes first:
`order_placed.en` before `order_placed`.
"""

from collections.abc import Mapping
from typing import TypeVar

from crm_core.outbox.ports import Message, NotSent

T = TypeVar("T")


def template_for(message: Message, templates: Mapping[str, T]) -> T:
    """Raises NotSent (permanent) when there is none."""
    language = message.language.partition("-")[0].lower()
    template = templates.get(f"{message.kind}.{language}") or templates.get(message.kind)
    if template is None:
        raise NotSent(f"no SMS template is set for {message.kind}", permanent=True)
    return template

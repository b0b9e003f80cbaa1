"""Titles of to-dos out of a rule's template. Rule: one pass; a name that looks like a placeholder stays
as it is, and nothing of a template is ever run.
"""

import re
from collections.abc import Mapping

from crm_core.text import is_control

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_KNOWN = frozenset({"customer", "contact", "date", "years", "order"})
_LONGEST = 200


def known_placeholders(template: str) -> str:
    """The template itself. Raises ValueError naming one that means nothing."""
    for name in _PLACEHOLDER.findall(template):
        if name not in _KNOWN:
            raise ValueError(f"“{{{name}}}” means nothing: use {', '.join(sorted(_KNOWN))}")
    return template


def fill(template: str, values: Mapping[str, str]) -> str:
    """What is not known is left out; at most as long as a title may be."""
    filled = _PLACEHOLDER.sub(lambda found: values.get(found[1], ""), template)
    kept = "".join(sign for sign in filled if not is_control(sign))
    return kept.strip()[:_LONGEST].strip()

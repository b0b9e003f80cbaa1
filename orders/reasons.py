"""Why something came out as it did. Rule: codes and figures; the screen makes the sentence."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """A code that screens translate, and what goes into the sentence."""

    code: str
    params: Mapping[str, str]

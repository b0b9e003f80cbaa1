"""How often properties are tried: the same few examples in every run, or many others with HYPOTHESIS_PROFILE=deep."""

import os
from typing import Any

from hypothesis import HealthCheck, settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "default")
DEEP = PROFILE == "deep"
_TIMES = 20

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "deep", max_examples=2000, deadline=None, print_blob=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def repeated(examples: int, **more: Any) -> settings:
    """Of what is tried on the real parts: `examples` that are the same in every run, or many times as many."""
    return settings(
        max_examples=examples * (_TIMES if DEEP else 1),
        derandomize=not DEEP,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )

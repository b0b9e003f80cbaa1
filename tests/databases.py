"""Databases of tests that inject no fault into the way to PostgreSQL."""

from crm_core.db import Database

_PATIENCE_S = 60.0


def database_at(url: str, *, pool_size: int = 16) -> Database:
    """One that waits for its connections and statements also where many tests share a slow machine."""
    return Database(
        url,
        pool_size=pool_size,
        connect_timeout_s=_PATIENCE_S,
        statement_timeout_s=_PATIENCE_S,
    )

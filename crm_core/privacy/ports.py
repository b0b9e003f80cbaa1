"""What privacy needs from other packages."""

from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

Obstacle = Callable[[AsyncSession, Sequence[int]], Awaitable[str | None]]
"""Why these customers cannot be erased now, in a sentence that says how to mend it; None: they can."""

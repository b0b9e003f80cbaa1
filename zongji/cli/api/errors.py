"""Why a command of `zongji api` failed.

PlatformError
├── NotAsked        what was given cannot be asked for; nothing was sent
├── Unreachable     the daemon does not answer, or the connection broke
└── Refused         the daemon said no; `answer` is what it said
"""

from zongji.platform.errors import PlatformError


class NotAsked(PlatformError):
    """Nothing was sent."""


class Unreachable(PlatformError):
    """No answer came."""


class Refused(PlatformError):
    """The daemon said no."""
